import { ReadFailure } from '../domain/read-failure.js'
import { compressionOf } from './layout.js'
import { MAX_SIDECAR_BYTES, type Sidecar } from './source.js'
import { unpackStored } from './unpack.js'

/** @param content the sidecar's bytes as stored, as far as they are of interest */
export async function sidecarOf(path: Buffer, content: Buffer): Promise<Sidecar> {
  const compression = compressionOf(path)
  if (compression === 'none') return { path, text: content.toString('latin1') }
  try {
    return { path, text: (await beginningOf(unpackStored(oneAfterAnother([content]), compression))).toString('latin1') }
  } catch (error) {
    if (!(error instanceof ReadFailure)) throw error
    return { path, text: error.problem.reason }
  }
}

/** As many bytes as a checkpoint may have, in memory of their own. */
export async function beginningOf(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const chunk of content) {
    parts.push(Buffer.from(chunk.subarray(0, MAX_SIDECAR_BYTES - bytes)))
    bytes += chunk.length
    if (bytes >= MAX_SIDECAR_BYTES) break
  }
  return Buffer.concat(parts)
}

async function* oneAfterAnother(pieces: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* pieces
}
