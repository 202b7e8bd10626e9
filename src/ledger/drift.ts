import { setTimeout as sleep } from 'node:timers/promises'
import { FLOAT_TOLERANCE, isZero, type Sums, sameIntegers, subtractSums, zeroSums } from '../domain/rollup.js'
import { literal } from './identifiers.js'
import type { Ledger } from './ledger.js'
import { type BothSidesRow, bothSides, type RollupShape, type SumsRow, selectSums, sumsOf } from './rollup-shape.js'

/** A group of one day: tenant, key, model. */
export interface Group {
  readonly day: string
  readonly tenant: string
  readonly key: string
  readonly model: string
}

/** UUIDs have one length, so the texts of different groups differ. */
export const groupKey = ({ tenant, key, model }: Omit<Group, 'day'>): string => `${tenant}${key}${model}`

/** R − U of the groups of one day in which it is not zero, by {@link groupKey}. */
export type DriftMap = Map<string, { readonly group: Group; readonly drift: Sums }>

/** YYYY-MM-DD of a partition of `usage`, which is keyed by toYYYYMMDD(ts). */
export function dayOf(partitionId: string): string {
  return `${partitionId.slice(0, 4)}-${partitionId.slice(4, 6)}-${partitionId.slice(6, 8)}`
}

/** R − U of one day as it is at this moment. Rows that live traffic inserts may stand in `usage` and not yet in the rollup. */
export async function readDrift(ledger: Ledger, shape: RollupShape, partitionId: string): Promise<DriftMap> {
  const found: DriftMap = new Map()
  const sql = bothSides(shape, ledger.table('usage'), ledger.table('usage_daily'), {
    usage: `_partition_id = ${literal(partitionId)}`,
    daily: `day = toDate(${literal(dayOf(partitionId))})`,
  })
  for await (const rows of ledger.stream<BothSidesRow>(sql)) {
    for (const row of rows) {
      const { day, tenant, key, model } = row
      const r = sumsOf({ integers: row.rIntegers, floats: row.rFloats })
      const u = sumsOf({ integers: row.uIntegers, floats: row.uFloats })
      note(found, { day, tenant, key, model }, r, u)
    }
  }
  return found
}

/** What a group's rows in `usage` sum up to. */
export interface RawSums extends Omit<Group, 'day'> {
  readonly sums: Sums
}

/** R − U of a day where U is known, by {@link groupKey}: only the rollup is read, a hundredth of the work or less. */
export async function readDriftFrom(
  ledger: Ledger,
  shape: RollupShape,
  partitionId: string,
  raw: ReadonlyMap<string, RawSums>,
): Promise<DriftMap> {
  const found: DriftMap = new Map()
  const day = dayOf(partitionId)
  const unrolled = new Map(raw)
  const sql = `SELECT toString(tenant_id) AS tenant, toString(key_id) AS key, model, ${selectSums(shape, 'usage_daily')}
    FROM ${ledger.table('usage_daily')} WHERE day = toDate(${literal(day)}) GROUP BY tenant_id, key_id, model`
  for await (const rows of ledger.stream<SumsRow & Omit<Group, 'day'>>(sql))
    for (const row of rows) {
      const group = { day, tenant: row.tenant, key: row.key, model: row.model }
      const r = sumsOf(row)
      note(found, group, r, raw.get(groupKey(group))?.sums ?? zeroSums(r))
      unrolled.delete(groupKey(group))
    }
  for (const { tenant, key, model, sums } of unrolled.values())
    note(found, { day, tenant, key, model }, zeroSums(sums), sums)
  return found
}

/** Notes R − U of a group, unless integers are equal and floats the same within the tolerance. */
function note(found: DriftMap, group: Group, r: Sums, u: Sums): void {
  const drift = subtractSums(r, u)
  const close = drift.floats.every(
    (difference, i) =>
      // Infinite on both sides: the difference is no number.
      Object.is(r.floats[i], u.floats[i]) ||
      Math.abs(difference) <= FLOAT_TOLERANCE * Math.max(Math.abs(r.floats[i]), Math.abs(u.floats[i])),
  )
  if (!isZero(drift) || !close) found.set(groupKey(group), { group, drift })
}

const LONGEST_SETTLE_ROUNDS = 40
const BETWEEN_ROUNDS_MS = 150

/**
 * R − U of one day, each group as it was seen twice in a row: a row that was just inserted reaches the rollup a moment
 * after the raw table. An embedded ledger has no other writer, so there one look is enough.
 */
export async function settledDrift(ledger: Ledger, shape: RollupShape, partitionId: string): Promise<DriftMap> {
  let last = await readDrift(ledger, shape, partitionId)
  if (ledger.kind === 'embedded') return last
  const settled: DriftMap = new Map()
  const open = new Set(last.keys())
  const seen = new Set<string>()
  for (let round = 0; round < LONGEST_SETTLE_ROUNDS; round++) {
    await sleep(BETWEEN_ROUNDS_MS)
    const now = await readDrift(ledger, shape, partitionId)
    for (const key of now.keys()) if (!seen.has(key)) open.add(key)
    for (const key of open) {
      const [a, b] = [last.get(key), now.get(key)]
      if (a === undefined && b === undefined) settled.delete(key)
      else if (a !== undefined && b !== undefined && sameIntegers(a.drift, b.drift)) settled.set(key, b)
      else continue
      open.delete(key)
      seen.add(key)
    }
    if (open.size === 0) return settled
    last = now
  }
  // Groups that never stood still are taken as they are now; the looks after the move find what that gets wrong.
  for (const key of open) {
    const entry = last.get(key)
    if (entry !== undefined) settled.set(key, entry)
  }
  return settled
}
