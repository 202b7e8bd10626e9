import type { TargetInfo } from './document.js'

/**
 * How far a run is. staged: nothing published, perhaps rows in staging. unfinished: it has begun to publish. undoing: it
 * has begun to be undone.
 */
export type RunProgress = 'staged' | 'unfinished' | 'published' | 'undoing' | 'undone'

/** A run as the target remembers it. Times are RFC 3339. */
export interface RunEntry {
  readonly runId: string
  readonly progress: RunProgress
  /** Its first and its last step on the target; null where it has made none. */
  readonly since: string | null
  readonly until: string | null
  /** Days that it published to, and its records there. */
  readonly days: number
  readonly records: number
  /** Its staging table; null where there is none. */
  readonly staging: { readonly rows: number; readonly bytes: number } | null
  /** Who holds the server's lock for it, and perhaps is dead; null where nobody does. */
  readonly lock: { readonly host: string; readonly pid: number; readonly since: string } | null
}

/** What a run did, or is about to do, to one day. */
export interface RunDay {
  readonly day: string
  /** planned: perhaps moved in part. */
  readonly progress: 'planned' | 'published' | 'undoing' | 'undone'
  readonly records: number
  /** Rows that `usage` had of the day before. */
  readonly rowsBefore: number
  /** Groups (tenant, key, model) by what was decided about the rollup. */
  readonly groups: { readonly proven: number; readonly assumed: number; readonly mismatch: number }
  /** Requests by which the rollup may be too low, or too high, at most. */
  readonly lowRequests: number
  readonly highRequests: number
}

export interface RunDetails extends RunEntry {
  readonly partitions: readonly RunDay[]
}

/** What an undo took back. */
export interface Undone {
  readonly runId: string
  readonly days: readonly { readonly day: string; readonly removed: number; readonly gone: number }[]
  /** Rows removed, and rows that were not there any more (retention, or somebody's DELETE). */
  readonly removed: number
  readonly gone: number
}

/** `runs …`: what is asked of a target. */
export interface RunsOutcome<Answer> {
  readonly target: Pick<TargetInfo, 'kind' | 'location' | 'database'>
  readonly answer: Answer
}
