import type { BackupsOptions } from '../domain/backup.js'
import type { Lost, StoreReport, WalReport } from '../domain/doctor.js'
import type { ArchivedCluster, RecoveryWindow } from '../domain/pitr.js'

/** What the user has told of a deployment, and what was found out: all that matrix and runbooks are made of. */
export interface Deployment {
  readonly options: BackupsOptions
  readonly sources: readonly string[]
  readonly stores: readonly StoreReport[]
  /** When the newest complete backup of a store began, unix ms; absent where there is none. */
  readonly newestMs: ReadonlyMap<Lost, number>
  /** Null where nobody has named it. */
  readonly archive: ArchivedCluster | null
  /** Moments of Postgres that its archive can bring back; null where there are none. */
  readonly window: RecoveryWindow | null
  readonly wal: WalReport | null
  readonly nowMs: number
}
