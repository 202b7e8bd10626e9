import type { DayTenantCounts, RunDocument, TargetInfo } from './document.js'
import type { Emit } from './events.js'

/** What a command gets from whoever runs it: where to tell, when to stop, whom to ask. */
export interface RunContext {
  readonly emit: Emit
  /** Aborted when the user interrupts; the run then finishes or abandons its current block and throws `interrupted`. */
  readonly signal: AbortSignal
  /**
   * Asked once, before anything live is changed; false means no. May throw a LedgerError `refused` with a hint where
   * nobody can be asked.
   */
  confirm(plan: ReplayPlan): Promise<boolean>
}

/** What a replay is about to do; `--dry-run` prints this very plan. */
export interface ReplayPlan {
  readonly runId: string
  readonly target: TargetInfo
  /** `publish_staged`: staging was verified by an earlier run; the sources are not read again. */
  readonly action: 'start' | 'resume' | 'publish_staged'
  readonly files: number
  /** Bytes on disk, as far as they are known before reading. */
  readonly bytes: number
  readonly pods: number
  /** Sources that look as if their pod were still running, and why. */
  readonly live: readonly { readonly pod: string; readonly reason: string }[]
  /** What will be done, in order, a sentence each. */
  readonly steps: readonly string[]
  /** What the user should know beforehand, a sentence each. */
  readonly notes: readonly string[]
}

export interface ReplayOutcome {
  readonly document: RunDocument
  readonly days: readonly DayTenantCounts[]
  readonly plan: ReplayPlan
  /** Commands or actions that come next, a line each. */
  readonly nextSteps: readonly string[]
}

export interface PodSummary {
  readonly pod: string
  readonly files: number
  readonly bytes: number
  readonly records: number
  /** Range of ts_ms, unix ms, both inclusive; null where the pod gave no record. */
  readonly firstMs: number | null
  readonly lastMs: number | null
  /** Quarantined stretches, torn tails and unreadable files. */
  readonly damage: number
}

export interface InspectOutcome {
  readonly document: RunDocument
  readonly podsTable: readonly PodSummary[]
  readonly tenants: readonly { readonly tenantId: string; readonly records: number }[]
}

/** How `query` prints: a ClickHouse output format, and whether statements that write may run. */
export interface QueryOptions {
  readonly format: string
  readonly write: boolean
}
