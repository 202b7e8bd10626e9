import { createHash } from 'node:crypto'
import type { QuarantineEntry, WalFile } from '../domain/wal.js'

/** The entry of one version of a record whose id came with different values. */
export function quarantineEntryOf(
  file: WalFile,
  place: { readonly line: number; readonly byteOffset: number; readonly bytes: Uint8Array },
): QuarantineEntry {
  return {
    pod: file.pod,
    path: file.path,
    line: place.line,
    byteOffset: place.byteOffset,
    length: place.bytes.length,
    sha256: createHash('sha256').update(place.bytes).digest('hex'),
    reason: 'conflict',
    detail: 'copies with this request_id differ; the one with the greatest ts_ms, then the greatest values, stays',
    bytes: Buffer.from(place.bytes).toString('base64'),
  }
}
