import type { RecordArena } from '../domain/arena.js'

/**
 * Rows of an arena in the order (ts_ms, request_id as text). Time and row number are packed into one double each, so
 * that the engine's own numeric sort does the work; what has the same time is put in order by id afterwards.
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
  const span = 2 ** Math.ceil(Math.log2(arena.capacity))
  // A double holds integers up to 2^53: more than two years of ms by 64 thousand rows.
  if ((max - min + 1) * span >= Number.MAX_SAFE_INTEGER)
    return rows.slice().sort((a, b) => ts[a] - ts[b] || compareIds(ids, a, ids, b))
  const keys = new Float64Array(n)
  for (let i = 0; i < n; i++) keys[i] = (ts[rows[i]] - min) * span + rows[i]
  keys.sort()
  const sorted = new Uint32Array(n)
  // Not `%`, which is slow for doubles.
  for (let i = 0; i < n; i++) sorted[i] = keys[i] - Math.floor(keys[i] / span) * span
  for (let start = 0; start < n; ) {
    let end = start + 1
    while (end < n && ts[sorted[end]] === ts[sorted[start]]) end++
    if (end - start > 1) sorted.subarray(start, end).sort((a, b) => compareIds(ids, a, ids, b))
    start = end
  }
  return sorted
}

/** Order of two ids as text: the words of the id in the order 1, 0, 3, 2. */
export function compareIds(one: Uint32Array, a: number, other: Uint32Array, b: number): number {
  const [i, j] = [a * 4, b * 4]
  return one[i + 1] - other[j + 1] || one[i] - other[j] || one[i + 3] - other[j + 3] || one[i + 2] - other[j + 2]
}
