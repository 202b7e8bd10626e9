import type { Compression } from '../domain/wal.js'
import { gunzipStream } from './gzip.js'
import { ReadFailure } from './read-failure.js'
import { zstdStream } from './zstd.js'

const UNPACKERS = { gzip: gunzipStream, zstd: zstdStream }

/**
 * Data that expand to more than MOST_EXPANDED_BYTES, and more than MOST_EXPANSION times what is stored, are no WAL: each
 * record holds a random UUID, so no packer makes it forty times smaller.
 */
export const MOST_EXPANDED_BYTES = 2 ** 30
const MOST_EXPANSION = 200

/**
 * Takes stored bytes out of their compression. What can be had before a cut or damage is yielded, then ReadFailure is
 * thrown; so it is where the data expand beyond all measure. Pieces are valid until the next is asked for.
 */
export function unpack(stored: AsyncIterable<Uint8Array>, compression: Compression): AsyncIterable<Uint8Array> {
  return compression === 'none' ? stored : bounded(stored, UNPACKERS[compression])
}

async function* bounded(
  stored: AsyncIterable<Uint8Array>,
  unpacker: (stored: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  let taken = 0
  let given = 0
  async function* counted() {
    for await (const piece of stored) {
      taken += piece.length
      yield piece
    }
  }
  for await (const piece of unpacker(counted())) {
    given += piece.length
    if (given > MOST_EXPANDED_BYTES && given > taken * MOST_EXPANSION)
      throw new ReadFailure({ kind: 'corrupt_archive', reason: `${taken} bytes expand to more than ${given}: no WAL` })
    yield piece
  }
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
