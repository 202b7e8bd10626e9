import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'

/** The error where something stands in a bundle that was not there, or not like this, when it was listed. */
export function taken(place: string): LedgerError {
  return new LedgerError('refused', 'something else stands where a file of the bundle belongs: it was left alone', {
    place: printable(place),
    hint: 'if no other collect is writing there, run the same command again; else name another place with --to',
  })
}
