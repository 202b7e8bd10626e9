import { LedgerError } from './errors.js'
import { printable } from './printable.js'

/** The error where something stands in a bundle, or among backups, that was not there, or not like this, when it was looked at. */
export function taken(place: string): LedgerError {
  return new LedgerError('refused', 'something else stands where this file belongs: it was left alone', {
    place: printable(place),
    hint: 'if no other command is writing there, run the same command again; else name another place',
  })
}
