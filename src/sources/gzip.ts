import { crc32, createInflateRaw } from 'node:zlib'
import { ReadFailure } from '../domain/read-failure.js'
import { ByteStream } from './byte-stream.js'

/** Compressed bytes given to the inflater at once: bounds what one step can blow up to (deflate reaches 1,032 : 1). */
const STEP_BYTES = 1 << 16
const MAGIC = Buffer.from([0x1f, 0x8b])
const EXTRA = 4
const NAME = 8
const COMMENT = 16
const HEADER_CRC = 2

/**
 * Decompresses, all members one after another; zero padding behind any of them is ignored. What decompresses before a
 * cut or damage is yielded, then ReadFailure is thrown.
 *
 * Members (RFC 1952) are taken apart here and only inflated by node:zlib: its own gunzip loses output of a sound member
 * when garbage follows, and passes over everything that stands behind padding.
 */
export async function* gunzipStream(compressed: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const input = new ByteStream(compressed)
  try {
    for (let member = 0; await nextMember(input, member); member++) {
      let crc = 0
      let bytes = 0
      for await (const chunk of inflate(input)) {
        crc = crc32(chunk, crc)
        bytes += chunk.length
        yield chunk
      }
      const trailer = await input.take(8)
      if (trailer.length < 8) throw cut()
      if (trailer.readUInt32LE(0) !== crc || trailer.readUInt32LE(4) !== bytes % 2 ** 32)
        throw damaged('the checksum does not agree')
    }
  } finally {
    await input.close()
  }
}

/** Reads the header of the next member; false where the stream ends properly. */
async function nextMember(input: ByteStream, member: number): Promise<boolean> {
  let first = await input.take(1)
  if (member > 0) while (first.length === 1 && first[0] === 0) first = await input.take(1)
  if (first.length === 0 && member > 0) return false
  const head = Buffer.concat([first, await input.take(9)])
  if (!head.subarray(0, 2).equals(MAGIC.subarray(0, head.length)))
    throw damaged(member === 0 ? 'not gzip data' : 'something else follows the gzip data')
  if (head.length < 10) throw cut()
  if (head[2] !== 8) throw damaged(`unknown method ${head[2]}`)
  const flags = head[3]
  if (flags & EXTRA) {
    const length = await exactly(input, 2)
    await exactly(input, length.readUInt16LE(0))
  }
  for (const text of [NAME, COMMENT]) if (flags & text) while ((await exactly(input, 1))[0] !== 0);
  if (flags & HEADER_CRC) await exactly(input, 2)
  return true
}

async function exactly(input: ByteStream, count: number): Promise<Buffer> {
  const bytes = await input.take(count)
  if (bytes.length < count) throw cut()
  return bytes
}

/** The content of one deflate stream; what follows it stays in the input. */
async function* inflate(input: ByteStream): AsyncIterable<Buffer> {
  const inflater = createInflateRaw({ chunkSize: STEP_BYTES })
  const ready: Buffer[] = []
  let failed: NodeJS.ErrnoException | null = null
  let ended = false
  let wake: () => void = () => {}
  // Taken as it comes: on an error the inflater drops what it has put out and nobody has read yet.
  inflater.on('data', (chunk: Buffer) => ready.push(chunk))
  inflater.on('error', (error) => {
    failed = error
    wake()
  })
  inflater.on('end', () => {
    ended = true
    wake()
  })
  try {
    while (!ended) {
      const piece = await input.some(STEP_BYTES)
      const before = inflater.bytesWritten
      await new Promise<void>((resolve) => {
        wake = resolve
        if (piece === null) inflater.end()
        else inflater.write(piece, () => resolve())
      })
      // Its own data events may come a turn later than the answer to the write.
      await new Promise((resolve) => setImmediate(resolve))
      if (ended && piece !== null) input.unread(piece.subarray(inflater.bytesWritten - before))
      yield* ready.splice(0)
      if (failed !== null) throw problemOf(failed)
    }
  } finally {
    inflater.destroy()
  }
}

function problemOf(error: NodeJS.ErrnoException): Error {
  if (error.code === 'Z_BUF_ERROR') return cut()
  return error.code?.startsWith('Z_') ? damaged(error.message) : error
}

const cut = () => new ReadFailure({ kind: 'truncated_archive', reason: 'the gzip data ends in the middle' })
const damaged = (what: string) => new ReadFailure({ kind: 'corrupt_archive', reason: `damaged gzip data: ${what}` })
