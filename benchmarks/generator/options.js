/** @import { Generation } from './line.js' */
/** @import { Traffic } from './record.js' */

/**
 * What kind of tree to make. Shares are from 0 to 1.
 * @typedef {object} TreeShape
 * @property {string | number} seed
 * @property {number} pods
 * @property {number} records copies included, over all pods; damaged lines come on top
 * @property {number} duplicates share of records that are copies of others, from any pod and segment
 * @property {number} disorderMs by how much a record may stand too late or too early
 * @property {number} startMs unix ms of the first record
 * @property {number} days
 * @property {number} damage share of lines that are damaged, one way or another
 * @property {number} respelled share of lines in valid JSON that serde_json would write otherwise
 * @property {Readonly<Record<Generation, number>>} generations parts of the time in which each release ran, oldest first
 * @property {number} tenants
 * @property {number} keysPerTenant
 * @property {number} models
 * @property {number} modelBytes least length of a model's name
 * @property {number} legacyPods pods that have a legacy file as well
 * @property {number} legacyShare share of such a pod's records that stand in it
 * @property {number} withoutBlanks share of segments that lack the blank line behind each batch
 * @property {number} checkpoints share of files that have a usable checkpoint
 * @property {number} corruptFiles `.corrupt` files per pod
 * @property {number} segmentBytes a segment is closed before it exceeds this
 * @property {number} batchRecords most records of one batch
 */

/** @typedef {TreeShape & Traffic} TreeOptions */

/** A day of traffic on four pods, with nothing wrong but copies. @type {TreeOptions} */
export const DEFAULTS = {
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
