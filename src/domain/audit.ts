import type { TargetInfo } from './document.js'

/** What an audit looks for. */
export type FindingKind =
  | 'duplicates'
  | 'rollup_absent'
  | 'rollup_missing'
  | 'rollup_excess'
  | 'rollup_mixed'
  | 'expired'
  | 'past_retention'
  | 'future'
  | 'non_finite'
  | 'unknown_columns'

/** One thing that is wrong with a ledger. */
export interface Finding {
  readonly kind: FindingKind
  /** Where: a day, a group of the rollup, a table. */
  readonly place: string
  /** From the first to the last of the records' ts_ms, where the place is no day. */
  readonly window: { readonly fromMs: number; readonly toMs: number } | null
  /** Size; null where it is not known or means nothing. Tokens are input and output together. */
  readonly requests: number | null
  readonly tokens: number | null
  readonly costUsd: number | null
  readonly evidence: string
  /** The likely cause. */
  readonly cause: string
  /** The next command, or what to do where no command helps. */
  readonly next: string
}

export interface AuditOutcome {
  readonly target: Pick<TargetInfo, 'kind' | 'location' | 'database' | 'version'>
  readonly rows: number
  readonly findings: readonly Finding[]
  /** What the audit cannot see, or what is no fault: a sentence each. */
  readonly notes: readonly string[]
}
