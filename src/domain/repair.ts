import type { TargetInfo } from './document.js'

/** What a day of `usage` holds beyond one row per record. Money is the float sum of the rows, for the eye. */
export interface DoubledDay {
  /** YYYY-MM-DD of the server. */
  readonly day: string
  /** Records with rows too many. */
  readonly records: number
  /** Rows that equal the one that stays in every column. */
  readonly copies: number
  /** Rows with the same request id and other values: versions that lose. */
  readonly versions: number
  /** Of all these rows. */
  readonly tokens: number
  readonly costUsd: number
  readonly rollup: DoubledRollup
}

/** Groups (tenant, key, model) of a day that hold such rows, by what is to be done about their rollup. */
export interface DoubledRollup {
  /** The rollup counted the rows, too: it is lowered with them. */
  readonly lowered: number
  /** It did not: it stays. */
  readonly kept: number
  /** Neither explains the difference between rollup and raw table: it stays, and may be too high. */
  readonly unproven: number
  /** A run that has not finished will settle it. */
  readonly leftToRun: number
}

/** A group whose rollup differs from its raw rows, as `--lower-rollup` takes it: day/tenant/key/model. */
export interface DriftedGroup {
  readonly group: string
  /** Requests in the rollup less those in `usage`. */
  readonly requests: number
  /** lower: no sum of the rollup is above the raw rows, so it can be raised. higher: some are. */
  readonly side: 'lower' | 'higher'
  /** The run that left it so on purpose, as it could not be explained; then it is raised only where it is named. */
  readonly leftBy: string | null
}

/** What there is to repair, or what was. */
export interface RepairFindings {
  readonly days: readonly DoubledDay[]
  readonly drifted: readonly DriftedGroup[]
}

export interface RepairOutcome {
  readonly target: Pick<TargetInfo, 'kind' | 'location' | 'database'>
  /** False where it was only looked at. */
  readonly repaired: boolean
  readonly found: RepairFindings
  /** Rows removed, and groups of the rollup raised and lowered to their raw rows because the user asked for it. */
  readonly removed: number
  readonly raised: number
  readonly lowered: number
  /** What is left, after a repair or after a mere look. */
  readonly left: RepairFindings
}
