import { LedgerError } from '../../domain/errors.js'
import { printable } from '../../domain/printable.js'
import { staysInside } from '../../domain/relative-path.js'

/** True for a path that stays inside the storage, and has none of the characters that no path of ours has. */
export function isSafePath(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return staysInside(path) && !/[\u0000-\u001f\u007f\\]/.test(path)
}

/** @throws LedgerError `state_damaged` for a path that could lead out of the storage */
export function assertPath(path: string, place: string): void {
  if (isSafePath(path)) return
  throw new LedgerError('state_damaged', `a path leads out of the backup: ${printable(path)}`, {
    place: printable(place),
    hint: 'this backup was not made by obleth-ledger, or was changed since: use another one',
  })
}
