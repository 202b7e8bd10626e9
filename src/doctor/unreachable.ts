import type { StoreName } from '../domain/backup.js'
import type { StoreReport } from '../domain/doctor.js'
import type { LedgerError } from '../domain/errors.js'

/** A store that could not be looked at, and why. */
export function unreachable(store: StoreName, place: string, error: LedgerError, next: string): StoreReport {
  const denied = error.code === 'access_denied' || error.code === 'config'
  return {
    store,
    health: denied ? 'attention' : 'unreachable',
    place,
    facts: [],
    problems: [{ about: store, reason: error.message, next: denied ? (error.hint ?? next) : next }],
  }
}

/** A store whose address nobody has named. */
export function unknown(store: StoreName): StoreReport {
  return { store, health: 'unknown', place: null, facts: [], problems: [] }
}
