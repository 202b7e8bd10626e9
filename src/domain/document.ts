import type { LineCounts, RecordCounts } from './counts.js'
import type { Warning } from './wal.js'

export type RunStatus = 'ok' | 'incomplete' | 'mismatch' | 'refused' | 'failed'
export type RollupStatus = 'consistent' | 'repaired' | 'mismatch' | 'absent' | 'unchecked'

export interface TargetInfo {
  readonly kind: 'embedded' | 'server'
  /** Directory, or URL without credentials. */
  readonly location: string
  readonly database: string
  readonly table: string
  readonly engine: string
  readonly version: string
}

/** The one JSON document that `replay --json` and `inspect --json` print. Fields are a contract. */
export interface RunDocument {
  command: 'replay' | 'inspect'
  version: string
  runId: string
  status: RunStatus
  target: TargetInfo | null
  sources: { pods: number; files: number; bytes: number; unreadable: { path: string; reason: string }[] }
  lines: LineCounts
  records: RecordCounts
  window: { fromMs: number; toMs: number } | null
  unknownFields: { name: string; count: number }[]
  warnings: Warning[]
  /** Path of the quarantine file, null where nothing was quarantined. */
  quarantine: string | null
  rollup: RollupStatus
  timings: {
    totalMs: number
    /** Of `decodeMs`: waiting for bytes of the sources. */
    readMs: number
    decodeMs: number
    orderMs: number
    /** Inserts, which go on beside decoding, and the verification behind them. */
    stageMs: number
    publishMs: number
  }
  throughput: { recordsPerSecond: number; bytesPerSecond: number }
  peakRssBytes: number
}

/** A line of the summary that a person checks by eye: requests of one day and tenant. */
export interface DayTenantCounts {
  readonly day: string
  readonly tenantId: string
  readonly before: number
  readonly inserted: number
  readonly after: number
}
