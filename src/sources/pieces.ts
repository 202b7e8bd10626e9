import { readSync } from 'node:fs'
import { CHUNK_BYTES } from './source.js'

/**
 * The bytes of an open file from where it stands, in one buffer that is used again for each piece. Synchronous reads: the
 * reader is a thread of its own, and a hundred thousand small files must not cost a promise for each call.
 */
export async function* piecesOf(fd: number, buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES)): AsyncIterable<Uint8Array> {
  for (;;) {
    const n = readSync(fd, buffer, 0, buffer.length, null)
    if (n === 0) return
    yield buffer.subarray(0, n)
  }
}
