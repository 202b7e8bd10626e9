import { readSync } from 'node:fs'
import { CHUNK_BYTES } from './source.js'

/**
 * The bytes of an open file from an offset on, in one buffer that is used again for each piece. Synchronous reads: the
 * reader is a thread of its own, and a hundred thousand small files must not cost a promise for each call.
 */
export async function* piecesOf(
  fd: number,
  offset = 0,
  buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES),
): AsyncIterable<Uint8Array> {
  for (let at = offset; ; ) {
    const n = readSync(fd, buffer, 0, buffer.length, at)
    if (n === 0) return
    at += n
    yield buffer.subarray(0, n)
  }
}
