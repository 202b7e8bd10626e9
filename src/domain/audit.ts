import type { TargetInfo } from './document.js'

/** What an audit looks for. */
export const FINDING_KINDS = [
  'duplicates',
  'rollup_absent',
  'rollup_missing',
  'rollup_excess',
  'rollup_mixed',
  'expired',
  'past_retention',
  'future',
  'non_finite',
  'unknown_columns',
  'silence',
  'missing',
  'acknowledged_missing',
  'differs',
  'pod_unseen',
  'pod_full',
  'pod_damaged',
  'pod_clock',
] as const
export type FindingKind = (typeof FINDING_KINDS)[number]

/** In unix ms. */
export interface TimeWindow {
  readonly fromMs: number
  readonly toMs: number
}

/** One thing that is wrong with a ledger. */
export interface Finding {
  readonly kind: FindingKind
  /** Where: a day, a group of the rollup, a table. */
  readonly place: string
  /** From the first to the last of the records' ts_ms, where the place is no day; of a silence those on both sides. */
  readonly window: TimeWindow | null
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

/** A finding that somebody answers for. */
export interface Waiver {
  readonly finding: FindingKind
  readonly place: string | null
  readonly window: TimeWindow | null
  readonly reason: string
  readonly who: string
  /** From then on the finding counts again. */
  readonly untilMs: number
}

export interface AuditedFinding extends Finding {
  /** Null where the finding counts. */
  readonly waiver: Pick<Waiver, 'reason' | 'who' | 'untilMs'> | null
}

export interface AuditOptions {
  /** Days that obleth keeps in `usage`. */
  readonly retentionDays: number
  readonly outages: readonly TimeWindow[]
  /** File of waivers; undefined for the default one. */
  readonly waivers: string | undefined
  /** Pods whose WAL must be among the sources. */
  readonly pods: readonly string[]
}

export interface AuditOutcome {
  readonly target: Pick<TargetInfo, 'kind' | 'location' | 'database' | 'version'>
  readonly rows: number
  readonly findings: readonly AuditedFinding[]
  /** What the audit cannot see, or what is no fault: a sentence each. */
  readonly notes: readonly string[]
  /** Null where nothing holds a request. */
  readonly coverage: Coverage | null
}

/** Stretches of the same length that follow one another, from a multiple of that length on; in ms. */
export interface Frame {
  readonly fromMs: number
  readonly stepMs: number
  readonly steps: number
}

/** Requests in each stretch of a frame: those of `usage`, and those that each pod's WAL holds. */
export interface Coverage extends Frame {
  readonly ledger: readonly number[]
  readonly pods: readonly PodCoverage[]
}

export interface PodCoverage {
  readonly pod: string
  readonly requests: readonly number[]
}
