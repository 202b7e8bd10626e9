import type { RecordArena } from '../domain/arena.js'
import { hashId } from './id-table.js'

/** Bits of a key that one pass of the sort looks at. */
const DIGIT_BITS = 11
const DIGITS = 1 << DIGIT_BITS

/**
 * Rows of an arena in the order (ts_ms, request_id as text). Times are sorted by counting their digits, eight times as fast
 * here as the engine's own sort of doubles; what has the same time is put in order by id afterwards.
 */
export function sortRows(arena: RecordArena, rows: Uint32Array): Uint32Array {
  const n = rows.length
  if (n < 2) return rows
  const { ts_ms: ts, request_id: ids } = arena
  let [min, max] = [ts[rows[0]], ts[rows[0]]]
  for (let i = 1; i < n; i++) {
    const t = ts[rows[i]]
    if (t < min) min = t
    else if (t > max) max = t
  }
  // More than 49 days in one arena: a few records at most.
  if (max - min >= 2 ** 32) return rows.slice().sort((a, b) => ts[a] - ts[b] || compareIds(ids, a, ids, b))
  const sorted = sortByTime(rows, ts, min, max - min)
  for (let start = 0; start < n; ) {
    let end = start + 1
    while (end < n && ts[sorted[end]] === ts[sorted[start]]) end++
    if (end - start > 1) sorted.subarray(start, end).sort((a, b) => compareIds(ids, a, ids, b))
    start = end
  }
  return sorted
}

/** The rows in a new array, in order of time. `span`: the greatest time less `min`, below 2^32. */
function sortByTime(rows: Uint32Array, ts: Float64Array, min: number, span: number): Uint32Array {
  const n = rows.length
  const keys = [new Uint32Array(n), new Uint32Array(n)]
  const orders = [new Uint32Array(n), new Uint32Array(n)]
  const counts = new Uint32Array(DIGITS)
  for (let i = 0; i < n; i++) keys[0][i] = ts[rows[i]] - min
  let order = rows.slice()
  for (let pass = 0; span >= 2 ** (pass * DIGIT_BITS); pass++) {
    const [here, there] = [pass & 1, 1 - (pass & 1)]
    placeByDigit(order, keys[here], orders[here], keys[there], counts, pass * DIGIT_BITS)
    order = orders[here]
  }
  return order
}

/** One pass: rows and keys in the order of one digit, those that have the same one as they were. */
function placeByDigit(
  from: Uint32Array,
  keys: Uint32Array,
  to: Uint32Array,
  nextKeys: Uint32Array,
  counts: Uint32Array,
  shift: number,
): void {
  counts.fill(0)
  for (let i = 0; i < keys.length; i++) counts[(keys[i] >>> shift) & (DIGITS - 1)]++
  let start = 0
  for (let digit = 0; digit < DIGITS; digit++) {
    const count = counts[digit]
    counts[digit] = start
    start += count
  }
  for (let i = 0; i < keys.length; i++) {
    const at = counts[(keys[i] >>> shift) & (DIGITS - 1)]++
    to[at] = from[i]
    nextKeys[at] = keys[i]
  }
}

/** Order of two ids as text: the words of the id in the order 1, 0, 3, 2. */
export function compareIds(one: Uint32Array, a: number, other: Uint32Array, b: number): number {
  const [i, j] = [a * 4, b * 4]
  return one[i + 1] - other[j + 1] || one[i] - other[j] || one[i + 3] - other[j + 3] || one[i + 2] - other[j + 2]
}

/** More tenants than this in one block are left as they are. */
const MOST_TENANTS = 4096
const SLOTS = 4 * MOST_TENANTS

/**
 * Rows that are in order of time, tenant by tenant: the order of staging's own key, (tenant_id, ts_ms), which the engine
 * then need not make. An insert of 65,536 rows took 36 ms so in place of 42.
 */
export function groupByTenant({ tenant_id }: RecordArena, rows: Uint32Array): Uint32Array {
  const slots = new Uint32Array(SLOTS)
  /** The first row of each tenant. */
  const firsts: number[] = []
  const tenantOf = new Uint32Array(rows.length)
  for (let i = 0; i < rows.length; i++) {
    const at = rows[i] * 4
    let slot = hashId(tenant_id, at) & (SLOTS - 1)
    while (slots[slot] !== 0 && !sameId(tenant_id, firsts[slots[slot] - 1] * 4, at)) slot = (slot + 1) & (SLOTS - 1)
    if (slots[slot] === 0) {
      if (firsts.length === MOST_TENANTS) return rows
      slots[slot] = firsts.push(rows[i])
    }
    tenantOf[i] = slots[slot] - 1
  }
  const places = startOfEach(tenant_id, firsts, tenantOf)
  const grouped = new Uint32Array(rows.length)
  for (let i = 0; i < rows.length; i++) grouped[places[tenantOf[i]]++] = rows[i]
  return grouped
}

/** Where each tenant's rows begin. ClickHouse compares UUIDs by their second halves first. */
function startOfEach(ids: Uint32Array, firsts: readonly number[], tenantOf: Uint32Array): Uint32Array {
  const counts = new Uint32Array(firsts.length)
  for (let i = 0; i < tenantOf.length; i++) counts[tenantOf[i]]++
  const order = firsts.map((_, tenant) => tenant)
  order.sort((a, b) => {
    const [i, j] = [firsts[a] * 4, firsts[b] * 4]
    return ids[i + 3] - ids[j + 3] || ids[i + 2] - ids[j + 2] || ids[i + 1] - ids[j + 1] || ids[i] - ids[j]
  })
  const places = new Uint32Array(firsts.length)
  let start = 0
  for (const tenant of order) {
    places[tenant] = start
    start += counts[tenant]
  }
  return places
}

function sameId(ids: Uint32Array, i: number, j: number): boolean {
  return ids[i] === ids[j] && ids[i + 1] === ids[j + 1] && ids[i + 2] === ids[j + 2] && ids[i + 3] === ids[j + 3]
}
