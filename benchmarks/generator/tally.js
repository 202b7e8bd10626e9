/** @import { UsageRecord } from './record.js' */
/** @import { WrittenRecord } from './wal-file.js' */
import { UNKNOWN_FIELDS } from './line.js'
import { RollupSums } from './rollup-sums.js'

/**
 * A stretch of bytes that holds no record.
 * @typedef {object} RejectedStretch
 * @property {string} pod
 * @property {string} path relative to the tree
 * @property {number} line from 1, counting LF
 * @property {number} byteOffset
 * @property {number} length
 * @property {string} sha256
 * @property {string} reason
 */

const DAY_MS = 86_400_000

/** @param {number} tsMs @returns {string} the UTC day, as 2026-05-14 */
function dayOf(tsMs) {
  return new Date(tsMs).toISOString().slice(0, 10)
}

/**
 * The expected result, added up while a tree is written. Nothing is read back: what a decoder finds can be compared
 * with it because the two have nothing in common.
 */
export class Tally {
  /** @type {Set<string>} */
  pods = new Set()
  files = 0
  bytes = 0
  lines = { read: 0, blank: 0, quarantined: 0, tornTails: 0, withRecords: 0 }
  records = { decoded: 0, unique: 0, duplicates: 0, repaired: 0, salvaged: 0 }
  /** @type {RejectedStretch[]} */
  rejected = []
  #unknown = 0
  /** Maps within maps: day number, tenant, key, model. Far faster than keys put together for each record. @type {Level} */
  #groups = new Map()

  /** A line, or a part of one, that holds a record. @param {WrittenRecord} written @param {boolean} copy true where the same record stands elsewhere too */
  record(written, copy) {
    this.records.decoded++
    if (written.generation === 'newest') this.#unknown++
    if (written.repaired) this.records.repaired++
    if (copy) this.records.duplicates++
    else this.row(written.record)
  }

  /** A row of `usage`, once for each request. @param {UsageRecord} record */
  row(record) {
    this.records.unique++
    const day = Math.floor(record.ts_ms / DAY_MS)
    const path = [day, record.tenant_id, record.key_id]
    const models = path.reduce((level, name) => below(level, name, () => new Map()), this.#groups)
    const group = below(models, record.model, () => new Group(day, record))
    if (record.request_type === 'benchmark') group.benchmark.add(record)
    else group.daily.add(record)
  }

  /** @returns {Group[]} in order of day, tenant, key and model */
  #inOrder() {
    return [...leaves(this.#groups)].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Rows of `usage` per UTC day and tenant, in that order. */
  dayTenants() {
    /** @type {Map<string, { day: string, tenantId: string, rows: number }>} */
    const counts = new Map()
    for (const { day, tenant_id: tenantId, daily, benchmark } of this.#inOrder()) {
      const count = below(counts, `${day} ${tenantId}`, () => ({ day, tenantId, rows: 0 }))
      count.rows += daily.requests + benchmark.requests
    }
    return [...counts.values()]
  }

  /** Rows of `usage_daily`, merged, ordered as that table is. */
  rollup() {
    return this.#inOrder()
      .filter((group) => group.daily.requests > 0)
      .map(({ day, tenant_id, key_id, model, daily }) => ({ day, tenant_id, key_id, model, ...daily.toJSON() }))
  }

  /** Names and counts of the fields that no reader knows, in order of their names. */
  unknownFields() {
    return this.#unknown === 0 ? [] : UNKNOWN_FIELDS.map((name) => ({ name, count: this.#unknown }))
  }

  /** Sums over every unique record, the columns named as in `usage_daily`. */
  total() {
    const total = new RollupSums()
    for (const group of leaves(this.#groups)) {
      total.addAll(group.daily)
      total.addAll(group.benchmark)
    }
    return total.toJSON()
  }

  /** The whole expected result as one JSON document. */
  toJSON() {
    const { pods, files, bytes, lines, records, rejected } = this
    return {
      pods: pods.size,
      files,
      bytes,
      lines,
      records,
      unknownFields: this.unknownFields(),
      total: this.total(),
      dayTenants: this.dayTenants(),
      rollup: this.rollup(),
      rejected,
    }
  }
}

/** Requests of one day, tenant, key and model. */
class Group {
  daily = new RollupSums()
  /** Kept apart: these are in `usage` and never in `usage_daily`. */
  benchmark = new RollupSums()

  /** @param {number} day number of the day since 1970 @param {UsageRecord} record any one of the group */
  constructor(day, record) {
    this.day = dayOf(day * DAY_MS)
    this.tenant_id = record.tenant_id
    this.key_id = record.key_id
    this.model = record.model
    this.name = [this.day, this.tenant_id, this.key_id, this.model].join()
  }
}

/** @typedef {Map<number | string, any>} Level */

/** @template T @param {Map<any, T>} level @param {number | string} name @param {() => T} make @returns {T} what the map has under this name, made where it is new */
function below(level, name, make) {
  const found = level.get(name)
  if (found !== undefined) return found
  const made = make()
  level.set(name, made)
  return made
}

/** @param {Level} level @returns {Generator<Group>} */
function* leaves(level) {
  for (const inner of level.values()) {
    if (inner instanceof Group) yield inner
    else yield* leaves(inner)
  }
}
