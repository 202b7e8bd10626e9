import type { TargetInfo } from './document.js'

/** Rows of a table, or of a day of `usage`. */
export interface RowsBeforeAfter {
  /** In the target now; null where the table is not there. */
  readonly now: number | null
  /** In the backup. */
  readonly comes: number
}

/** What the restore of a ledger is about to do. */
export interface ClickhouseRestorePlan {
  readonly backup: string
  /** When the backup was begun, RFC 3339. */
  readonly takenAt: string
  /** What it is a backup of. */
  readonly source: string
  readonly target: Pick<TargetInfo, 'kind' | 'location' | 'database'>
  /** resume: restored and proven beside the ledger already, not yet in its place. none: the target holds just this. */
  readonly action: 'restore' | 'resume' | 'none'
  readonly tables: readonly (RowsBeforeAfter & { readonly table: string })[]
  /** Days of `usage`, YYYY-MM-DD of the server. */
  readonly days: readonly (RowsBeforeAfter & { readonly day: string })[]
  /** The target holds rows, which are put aside: only where the user says so. */
  readonly replaces: boolean
  readonly notes: readonly string[]
}

/** What the restore of a ledger came to. */
export interface ClickhouseRestoreOutcome {
  readonly plan: ClickhouseRestorePlan
  /** False where it was only looked at, or was there already. */
  readonly restored: boolean
  /** Database that holds what was there before; null where nothing was. */
  readonly aside: string | null
  /** As it is in the target now. mismatch: it differs where the backup's did not. */
  readonly rollup: 'consistent' | 'as_in_backup' | 'mismatch' | 'absent'
  /** Newest `ts_ms` in the backup, unix ms: what came later is the gap. */
  readonly newestMs: number | null
  /** Commands that close the gap and prove it, in their order. */
  readonly next: readonly string[]
}
