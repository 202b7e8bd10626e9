import { LedgerError } from '../../domain/errors.js'
import { printable } from '../../domain/printable.js'

/** True for a relative path whose parts cannot lead anywhere else: manifests come from outside. */
export function isSafePath(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (path === '' || /[\u0000-\u001f\u007f\\]/.test(path)) return false
  return path.split('/').every((part) => !['', '.', '..'].includes(part))
}

/** @throws LedgerError `state_damaged` for a path that could lead out of the storage */
export function assertPath(path: string, place: string): void {
  if (isSafePath(path)) return
  throw new LedgerError('state_damaged', `a path leads out of the backup: ${printable(path)}`, {
    place: printable(place),
    hint: 'this backup was not made by obleth-ledger, or was changed since: use another one',
  })
}
