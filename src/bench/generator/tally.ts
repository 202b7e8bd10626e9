import type { QuarantineEntry } from '../../domain/wal.js'
import { UNKNOWN_FIELDS } from './line.js'
import type { UsageRecord } from './record.js'
import { RollupSums, type RollupTotals } from './rollup-sums.js'
import type { WrittenRecord } from './wal-file.js'

/** A stretch of bytes that holds no record. */
export type RejectedStretch = Omit<QuarantineEntry, 'detail' | 'bytes'>

/** Rows of `usage` of one day and tenant. */
export interface DayTenantRows {
  readonly day: string
  readonly tenantId: string
  rows: number
}

const DAY_MS = 86_400_000

/** The UTC day, as 2026-05-14. */
function dayOf(tsMs: number): string {
  return new Date(tsMs).toISOString().slice(0, 10)
}

/**
 * The expected result, added up while a tree is written. Nothing is read back: what a decoder finds can be compared
 * with it because the two have nothing in common.
 */
export class Tally {
  readonly pods = new Set<string>()
  files = 0
  bytes = 0
  lines = { read: 0, blank: 0, quarantined: 0, tornTails: 0, withRecords: 0 }
  records = { decoded: 0, unique: 0, duplicates: 0, repaired: 0, salvaged: 0 }
  readonly rejected: RejectedStretch[] = []
  private unknown = 0
  /** Maps within maps: day number, tenant, key, model. Far faster than keys put together for each record. */
  private readonly groups: Level<Level<Level<Level<Group>>>> = new Map()

  /** A line, or a part of one, that holds a record. `copy`: the same record stands elsewhere too. */
  record(written: WrittenRecord, copy: boolean): void {
    this.records.decoded++
    if (written.generation === 'newest') this.unknown++
    if (written.repaired) this.records.repaired++
    if (copy) this.records.duplicates++
    else this.row(written.record)
  }

  /** A row of `usage`, once for each request. */
  row(record: UsageRecord): void {
    this.records.unique++
    const day = Math.floor(record.ts_ms / DAY_MS)
    const tenants = below(this.groups, day, () => new Map())
    const keys = below(tenants, record.tenant_id, () => new Map())
    const models = below(keys, record.key_id, () => new Map())
    const group = below(models, record.model, () => new Group(day, record))
    if (record.request_type === 'benchmark') group.benchmark.add(record)
    else group.daily.add(record)
  }

  /** In order of day, tenant, key and model. */
  private inOrder(): Group[] {
    return [...this.leaves()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  private *leaves(): Generator<Group> {
    for (const tenants of this.groups.values())
      for (const keys of tenants.values()) for (const models of keys.values()) yield* models.values()
  }

  /** Rows of `usage` per UTC day and tenant, in that order. */
  dayTenants(): DayTenantRows[] {
    const counts = new Map<string, DayTenantRows>()
    for (const { day, tenant_id: tenantId, daily, benchmark } of this.inOrder()) {
      const count = below(counts, `${day} ${tenantId}`, () => ({ day, tenantId, rows: 0 }))
      count.rows += daily.requests + benchmark.requests
    }
    return [...counts.values()]
  }

  /** Rows of `usage_daily`, merged, ordered as that table is. */
  rollup() {
    return this.inOrder()
      .filter((group) => group.daily.requests > 0)
      .map(({ day, tenant_id, key_id, model, daily }) => ({ day, tenant_id, key_id, model, ...daily.toJSON() }))
  }

  /** Names and counts of the fields that no reader knows, in order of their names. */
  unknownFields() {
    return this.unknown === 0 ? [] : UNKNOWN_FIELDS.map((name) => ({ name, count: this.unknown }))
  }

  /** Sums over every unique record, the columns named as in `usage_daily`. */
  total(): RollupTotals {
    const total = new RollupSums()
    for (const group of this.leaves()) {
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
  readonly day: string
  readonly tenant_id: string
  readonly key_id: string
  readonly model: string
  readonly name: string
  readonly daily = new RollupSums()
  /** Kept apart: these are in `usage` and never in `usage_daily`. */
  readonly benchmark = new RollupSums()

  /**
   * @param day number of the day since 1970
   * @param record any one of the group
   */
  constructor(day: number, record: UsageRecord) {
    this.day = dayOf(day * DAY_MS)
    this.tenant_id = record.tenant_id
    this.key_id = record.key_id
    this.model = record.model
    this.name = [this.day, this.tenant_id, this.key_id, this.model].join()
  }
}

type Level<T> = Map<number | string, T>

/** What the map has under this name, made where it is new. */
function below<T>(level: Level<T>, name: number | string, make: () => T): T {
  const found = level.get(name)
  if (found !== undefined) return found
  const made = make()
  level.set(name, made)
  return made
}
