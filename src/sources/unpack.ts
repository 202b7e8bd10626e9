import type { Compression } from '../domain/wal.js'
import { gunzipStream } from './gzip.js'
import { ReadFailure } from './read-failure.js'

/**
 * Takes stored bytes out of their compression. What can be had before a cut or damage is yielded, then ReadFailure is
 * thrown. Pieces are valid until the next is asked for.
 */
export function unpack(stored: AsyncIterable<Uint8Array>, compression: Compression): AsyncIterable<Uint8Array> {
  return compression === 'none' ? stored : gunzipStream(stored)
}

/** Bytes of the content; null where the data are cut or damaged. */
export async function unpackedBytes(
  stored: AsyncIterable<Uint8Array>,
  compression: Compression,
): Promise<number | null> {
  let bytes = 0
  try {
    for await (const chunk of unpack(stored, compression)) bytes += chunk.length
    return bytes
  } catch (error) {
    if (error instanceof ReadFailure) return null
    throw error
  }
}
