import type { ReadProblem } from '../domain/wal.js'
import { ByteStream } from './byte-stream.js'
import { problemOf, ReadFailure } from './read-failure.js'
import { BLOCK, readHeader, readPax, type TarHeader, text } from './tar-header.js'

/** No name and no pax header is that long. */
const MOST_EXTENSION_BYTES = 4 << 20

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

  constructor(private readonly bytes: AsyncIterable<Uint8Array>) {}

  async *entries(): AsyncIterable<Entry> {
    const input = new ByteStream(this.bytes)
    try {
      for (let number = 0; ; number++) {
        const header = await this.nextHeader(input)
        if (header === null) return
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
    let extensions = new Map<string, Buffer>()
    for (let ended = false; ; ) {
      const block = await input.take(BLOCK)
      if (block.length === 0 && ended) return null
      if (block.length < BLOCK) throw cut('the archive ends before its end mark')
      if (block.every((byte) => byte === 0)) {
        ended = true
        continue
      }
      const header = readHeader(block)
      if (header === null || !(header.size >= 0))
        throw new ReadFailure({
          kind: 'corrupt_archive',
          reason: ended ? 'something else follows the end mark of the archive' : 'not a header of a tar archive',
        })
      ended = false
      if (header.continued) while ((await exactly(input, BLOCK))[504] === 1);
      if (!/^(pax|long)/.test(header.type)) return applied(header, extensions)
      const body = await extension(input, header.size)
      if (header.type === 'long name') extensions.set('path', text(body, 0, body.length))
      else if (header.type === 'pax') extensions = new Map([...extensions, ...readPax(body)])
    }
  }
}

function applied(header: TarHeader, extensions: ReadonlyMap<string, Buffer>): TarHeader {
  const size = extensions.get('size')
  const sparse = [...extensions.keys()].some((key) => key.startsWith('GNU.sparse.'))
  return {
    ...header,
    name: extensions.get('GNU.sparse.name') ?? extensions.get('path') ?? header.name,
    size: size === undefined ? header.size : Number(size.toString('latin1')),
    type: sparse ? 'sparse file' : header.type,
  }
}

async function extension(input: ByteStream, size: number): Promise<Buffer> {
  if (size > MOST_EXTENSION_BYTES)
    throw new ReadFailure({ kind: 'corrupt_archive', reason: `a header of ${size} bytes` })
  const body = await exactly(input, size)
  await exactly(input, (BLOCK - (size % BLOCK)) % BLOCK)
  return body
}

async function exactly(input: ByteStream, count: number): Promise<Buffer> {
  const bytes = await input.take(count)
  if (bytes.length < count) throw cut('the archive ends before its end mark')
  return bytes
}

const cut = (reason: string) => new ReadFailure({ kind: 'truncated_archive', reason })
