import { ReadFailure } from '../domain/read-failure.js'
import type { Compression } from '../domain/wal.js'
import { Allowance } from './allowance.js'
import { gunzipStream } from './gzip.js'
import { zstdStream } from './zstd.js'

const UNPACKERS = { gzip: gunzipStream, zstd: zstdStream }

/**
 * Takes bytes out of their compression. What can be had before a cut or damage is yielded, then ReadFailure is thrown; so it
 * is where the data expand beyond all measure. Pieces are valid until the next is asked for.
 * @param allowance of the stored file that the bytes are a part of
 */
export async function* unpack(
  packed: AsyncIterable<Uint8Array>,
  compression: Compression,
  allowance: Allowance,
): AsyncIterable<Uint8Array> {
  if (compression === 'none') yield* packed
  else
    for await (const piece of UNPACKERS[compression](packed)) {
      allowance.expanded(piece.length)
      yield piece
    }
}

/** The content of a stored file that is packed by itself, as `unpack` gives it. */
export function unpackStored(stored: AsyncIterable<Uint8Array>, compression: Compression): AsyncIterable<Uint8Array> {
  if (compression === 'none') return stored
  const allowance = new Allowance()
  return unpack(allowance.counted(stored), compression, allowance)
}

/** Bytes of the content; null where the data are cut or damaged. */
export async function unpackedBytes(
  stored: AsyncIterable<Uint8Array>,
  compression: Compression,
): Promise<number | null> {
  let bytes = 0
  try {
    for await (const chunk of unpackStored(stored, compression)) bytes += chunk.length
    return bytes
  } catch (error) {
    if (error instanceof ReadFailure) return null
    throw error
  }
}
