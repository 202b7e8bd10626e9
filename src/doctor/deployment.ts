import type { BackupsOptions } from '../domain/backup.js'
import type { Lost, StoreReport, WalReport } from '../domain/doctor.js'

/** What the user has told of a deployment, and what was found out: all that matrix and runbooks are made of. */
export interface Deployment {
  readonly options: BackupsOptions
  readonly sources: readonly string[]
  readonly stores: readonly StoreReport[]
  /** When the newest complete backup of a store began, unix ms; absent where there is none. */
  readonly newestMs: ReadonlyMap<Lost, number>
  /** Up to when Postgres can be brought back from its archive, unix ms; null where there is none. */
  readonly archivedMs: number | null
  readonly wal: WalReport | null
  readonly nowMs: number
}
