import { LedgerError } from './errors.js'

const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** Whether an error of the system says that a disk, or the user's share of it, is full. */
export const isNoRoom = (cause: unknown): boolean => NO_ROOM.has((cause as NodeJS.ErrnoException | null)?.code ?? '')

/** The error for a file of ours that could not be written: `disk_full` where there is no room, else `internal`. */
export function writeError(what: string, place: string, cause: unknown, hint: string): LedgerError {
  return new LedgerError(isNoRoom(cause) ? 'disk_full' : 'internal', `cannot write ${what}: ${String(cause)}`, {
    place,
    hint,
    cause,
  })
}
