import type { Generation } from './line.js'
import type { PopulationSize } from './population.js'
import type { Traffic } from './record.js'

/** What kind of tree to make. Shares are from 0 to 1. */
export interface TreeOptions extends Traffic, PopulationSize {
  readonly seed: string | number
  readonly pods: number
  /** Copies included, over all pods; damaged lines come on top. */
  readonly records: number
  /** Share of records that are copies of others, from any pod and segment. */
  readonly duplicates: number
  /** By how much a record may stand too late or too early. */
  readonly disorderMs: number
  /** Unix ms of the first record. */
  readonly startMs: number
  readonly days: number
  /** Share of lines that are damaged, one way or another. */
  readonly damage: number
  /** Share of lines in valid JSON that serde_json would write otherwise. */
  readonly respelled: number
  /** Parts of the time in which each release ran, oldest first. */
  readonly generations: Readonly<Record<Generation, number>>
  /** Pods that have a legacy file as well. */
  readonly legacyPods: number
  /** Share of such a pod's records that stand in it. */
  readonly legacyShare: number
  /** Share of segments that lack the blank line behind each batch. */
  readonly withoutBlanks: number
  /** Share of files that have a usable checkpoint. */
  readonly checkpoints: number
  /** `.corrupt` files per pod. */
  readonly corruptFiles: number
  /** A segment is closed before it exceeds this. */
  readonly segmentBytes: number
  /** Most records of one batch. */
  readonly batchRecords: number
}

/** A day of traffic on four pods, with nothing wrong but copies. */
export const DEFAULTS: TreeOptions = {
  seed: 1,
  pods: 4,
  records: 100_000,
  duplicates: 0.1,
  disorderMs: 30_000,
  startMs: Date.UTC(2026, 4, 14, 12),
  days: 1,
  damage: 0,
  respelled: 0,
  generations: { oldest: 0, middle: 0, current: 1, newest: 0 },
  tenants: 20,
  keysPerTenant: 3,
  models: 8,
  modelBytes: 0,
  sessionBytes: 36,
  unicodeShare: 0.01,
  rejectedShare: 0.03,
  failedShare: 0.01,
  benchmarkShare: 0.005,
  healthProbeShare: 0.005,
  legacyPods: 1,
  legacyShare: 0.05,
  withoutBlanks: 0.05,
  checkpoints: 0.05,
  corruptFiles: 0,
  segmentBytes: 1024 * 1024,
  batchRecords: 500,
}
