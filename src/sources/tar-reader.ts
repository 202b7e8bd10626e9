import { ReadFailure } from '../domain/read-failure.js'
import type { ReadProblem } from '../domain/wal.js'
import type { Allowance } from './allowance.js'
import { ByteStream } from './byte-stream.js'
import { problemOf } from './read-failure.js'
import { BLOCK, readHeader, readPax, type TarHeader, text } from './tar-header.js'

/** Of what stands before the header of one entry: no name and no pax header is that long. */
const MOST_EXTENSION_BYTES = 1 << 20
/** As Linux has it (PATH_MAX). */
const MOST_NAME_BYTES = 4096

/** One entry of an archive. */
export interface Entry {
  /** From 0, counting every entry. */
  readonly number: number
  readonly name: Buffer
  readonly type: string
  readonly size: number
  readonly modifiedMs: number
  /** Its bytes; to be read, as far as they are wanted, before the next entry is asked for. */
  readonly content: AsyncIterable<Uint8Array>
}

/**
 * Reads an archive from its start to its end, entry by entry, nothing kept. Names are bytes, and whatever is there before
 * a cut is delivered: both are why no library does it. Nothing is thrown for what the archive holds or lacks.
 */
export class TarReader {
  /** Why the entries, or the content of the last one, ended early. */
  problem: ReadProblem | null = null
  private left = 0
  private padding = 0

  constructor(
    private readonly bytes: AsyncIterable<Uint8Array>,
    private readonly allowance: Allowance,
  ) {}

  async *entries(): AsyncIterable<Entry> {
    const input = new ByteStream(this.bytes)
    try {
      for (let number = 0; ; number++) {
        const header = await this.nextHeader(input)
        if (header === null) return
        this.allowance.member(header.name)
        this.left = header.size
        this.padding = (BLOCK - (header.size % BLOCK)) % BLOCK
        yield { ...header, number, content: this.content(input, header.size) }
      }
    } catch (error) {
      this.problem ??= problemOf(error)
    } finally {
      await input.close()
    }
  }

  private async *content(input: ByteStream, size: number): AsyncIterable<Uint8Array> {
    try {
      while (this.left > 0) {
        const piece = await input.some(this.left)
        if (piece === null) throw cut(`the archive ends within this file, after ${size - this.left} of ${size} bytes`)
        this.left -= piece.length
        yield piece
      }
    } catch (error) {
      this.problem ??= problemOf(error)
    }
  }

  /** The header of the next entry, extensions applied; null at the end. */
  private async nextHeader(input: ByteStream): Promise<TarHeader | null> {
    const rest = this.left + this.padding
    if (this.problem !== null) return null
    if ((await input.skip(rest)) < rest) throw cut('the archive ends within a file')
    const extensions = new Map<string, Buffer>()
    let room = MOST_EXTENSION_BYTES
    for (let ended = false; ; ) {
      const block = await input.take(BLOCK)
      if (block.length === 0 && ended) return null
      if (block.length < BLOCK) throw cut('the archive ends before its end mark')
      if (block.every((byte) => byte === 0)) {
        ended = true
        continue
      }
      const header = readHeader(block)
      if (header === null || !isSize(header.size))
        throw damaged(ended ? 'something else follows the end mark of the archive' : 'not a header of a tar archive')
      ended = false
      if (header.continued) while ((await exactly(input, BLOCK))[504] === 1);
      if (!/^(pax|long)/.test(header.type)) return applied(header, extensions)
      room -= BLOCK + header.size
      if (room < 0) throw damaged(`headers of more than ${MOST_EXTENSION_BYTES} bytes`)
      const body = await exactly(input, header.size)
      await exactly(input, (BLOCK - (header.size % BLOCK)) % BLOCK)
      if (header.type === 'long name') extensions.set('path', text(body, 0, body.length))
      if (header.type !== 'pax') continue
      const records = readPax(body)
      if (records === null) throw damaged('a pax header that cannot be read')
      for (const [key, value] of records) extensions.set(key, value)
    }
  }
}

function applied(header: TarHeader, extensions: ReadonlyMap<string, Buffer>): TarHeader {
  const given = extensions.get('size')?.toString('latin1')
  const size = given === undefined ? header.size : /^\d+$/.test(given) ? Number(given) : Number.NaN
  if (!isSize(size)) throw damaged('a size that no file has')
  const name = extensions.get('GNU.sparse.name') ?? extensions.get('path') ?? header.name
  if (name.length > MOST_NAME_BYTES) throw damaged(`a name of ${name.length} bytes`)
  if ([...extensions.keys()].some((key) => key.startsWith('GNU.sparse.')))
    return { ...header, name, size, type: 'sparse file' }
  // Before POSIX a folder was a file whose name ends with a slash; of a long name a header holds only the beginning.
  const isFolder = header.type === 'file' && name.at(-1) === 0x2f
  return { ...header, name, size, type: isFolder ? 'folder' : header.type }
}

/** Numbers come from outside: some are none, negative, or beyond what can be counted. */
const isSize = (size: number): boolean => Number.isSafeInteger(size) && size >= 0

async function exactly(input: ByteStream, count: number): Promise<Buffer> {
  const bytes = await input.take(count)
  if (bytes.length < count) throw cut('the archive ends before its end mark')
  return bytes
}

const damaged = (reason: string) => new ReadFailure({ kind: 'corrupt_archive', reason })
const cut = (reason: string) => new ReadFailure({ kind: 'truncated_archive', reason })
