import type { BackupsOptions } from '../domain/backup.js'
import type { Lost, NewestBackup, StoreReport, WalReport } from '../domain/doctor.js'
import type { ArchivedCluster, RecoveryWindow } from '../domain/pitr.js'

/** What the user has told of a deployment, and what was found out: all that matrix and runbooks are made of. */
export interface Deployment {
  readonly options: BackupsOptions
  readonly sources: readonly string[]
  readonly stores: readonly StoreReport[]
  /** The newest complete backup of each store; absent where there is none. */
  readonly newest: ReadonlyMap<Lost, NewestBackup>
  /** Why nobody knows whether there are backups; null where they were looked at. */
  readonly backupsUnread: string | null
  /** Null where nobody has named it. */
  readonly archive: ArchivedCluster | null
  /** Moments of Postgres that its archive can bring back; null where there are none. */
  readonly window: RecoveryWindow | null
  readonly wal: WalReport | null
  readonly nowMs: number
}

/** Whether a store has a backup, or may have one that could not be seen. */
export const mayBeBackedUp = ({ newest, backupsUnread }: Deployment, store: Lost): boolean =>
  newest.has(store) || backupsUnread !== null
