import { ReadFailure } from '../domain/read-failure.js'

/**
 * Data that expand to more than MOST_EXPANDED_BYTES, and more than MOST_EXPANSION times what is stored, are no WAL: each
 * record holds a random UUID, so no packer makes it forty times smaller.
 */
export const MOST_EXPANDED_BYTES = 2 ** 30
const MOST_EXPANSION = 200
/** A thousand pods at obleth's cap of 1,024 segments. */
export const MOST_MEMBERS = 2 ** 20
const MOST_NAME_BYTES = 2 ** 28
/** Each may need a process of its own. */
const MOST_ARCHIVES = 10_000

/** What one stored file may cost, all that is packed in it together, however often it is packed in itself. */
export class Allowance {
  private storedBytes = 0
  private expandedBytes = 0
  private members = 0
  private nameBytes = 0
  private archives = 0

  constructor(private readonly signal?: AbortSignal) {}

  /** The stored bytes themselves, counted. Throws where the run is to stop. */
  async *counted(stored: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    for await (const piece of stored) {
      this.signal?.throwIfAborted()
      this.storedBytes += piece.length
      yield piece
    }
  }

  /** Takes note of bytes that came out of a compression. Throws ReadFailure where they are too many. */
  expanded(bytes: number): void {
    this.signal?.throwIfAborted()
    this.expandedBytes += bytes
    if (this.expandedBytes <= MOST_EXPANDED_BYTES || this.expandedBytes <= this.storedBytes * MOST_EXPANSION) return
    const reason = `${this.storedBytes} bytes expand to more than ${this.expandedBytes}: no WAL`
    throw new ReadFailure({ kind: 'corrupt_archive', reason })
  }

  /** Takes note of a member of an archive, whose name is kept. Throws ReadFailure where there are too many. */
  member(name: Buffer): void {
    this.members++
    this.nameBytes += name.length
    if (this.members <= MOST_MEMBERS && this.nameBytes <= MOST_NAME_BYTES) return
    const reason = `more than ${MOST_MEMBERS} members, or ${MOST_NAME_BYTES} bytes of names: split it, or unpack it first`
    throw new ReadFailure({ kind: 'corrupt_archive', reason })
  }

  /** True where one more archive within the file may be looked into. */
  archive(): boolean {
    return ++this.archives <= MOST_ARCHIVES
  }
}
