import type { Checkpoint } from '../domain/wal.js'
import type { Sidecar } from './source.js'

/** What a checkpoint says of a file of so many bytes, null where nobody knows how many; and the class of the warning. */
export function readCheckpoint(
  sidecar: Sidecar | undefined,
  bytes: number | null,
): { checkpoint: Checkpoint; warning: 'offset_unreadable' | 'offset_beyond_eof' | null } {
  if (sidecar === undefined) return { checkpoint: { state: 'none' }, warning: null }
  if (sidecar.text === null)
    return { checkpoint: { state: 'unusable', reason: sidecar.reason }, warning: 'offset_unreadable' }
  const digits = sidecar.text.trim()
  if (!/^\d+$/.test(digits))
    return { checkpoint: { state: 'unusable', reason: 'not a decimal number' }, warning: 'offset_unreadable' }
  const offset = Number(digits)
  if (offset > (bytes ?? Number.MAX_SAFE_INTEGER))
    return {
      checkpoint: { state: 'unusable', reason: 'it lies beyond the end of the file' },
      warning: 'offset_beyond_eof',
    }
  return { checkpoint: { state: 'at', offset }, warning: null }
}
