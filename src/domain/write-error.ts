import { LedgerError } from './errors.js'

const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** The error for a file of ours that could not be written: `disk_full` where there is no room, else `internal`. */
export function writeError(what: string, place: string, cause: unknown, hint: string): LedgerError {
  const full = NO_ROOM.has((cause as NodeJS.ErrnoException).code ?? '')
  return new LedgerError(full ? 'disk_full' : 'internal', `cannot write ${what}: ${String(cause)}`, {
    place,
    hint,
    cause,
  })
}
