import type { RecordArena } from '../domain/arena.js'
import { DAY_MS } from '../domain/record.js'

/**
 * A block stays below 100 partitions, ClickHouse's limit for one INSERT, whatever the server's time zone: a UTC day lies
 * in at most two of its days.
 */
const MOST_UTC_DAYS = 49
/** A row in a block without its texts, and more than what their lengths and dictionary indexes take. */
const BYTES_WITHOUT_TEXT = 200

/** Whether all records from one time to another, unix ms, may go into one INSERT. */
export function spansFewDays(fromMs: number, toMs: number): boolean {
  return dayOf(toMs) - dayOf(fromMs) < MOST_UTC_DAYS
}

export interface BlockLimits {
  readonly rows: number
  /** About so many bytes; a single row may have more. */
  readonly bytes: number
}

/**
 * Cuts rows that are in order of time into those of single blocks. Bytes need a look of their own: an arena holds a text
 * once, a block as often as rows have it.
 */
export function* cutBlocks(arena: RecordArena, sorted: Uint32Array, limits: BlockLimits): Iterable<Uint32Array> {
  const bytesOf = sizer(arena, sorted.length, limits.bytes)
  const ts = arena.ts_ms
  const fewDays = sorted.length === 0 || spansFewDays(ts[sorted[0]], ts[sorted[sorted.length - 1]])
  if (fewDays && bytesOf === null && sorted.length <= limits.rows) {
    if (sorted.length > 0) yield sorted
    return
  }
  let [start, days, bytes] = [0, 1, 0]
  for (let i = 0; i < sorted.length; i++) {
    const more = bytesOf === null ? 0 : bytesOf(sorted[i])
    if (i > start && dayOf(ts[sorted[i]]) !== dayOf(ts[sorted[i - 1]])) days++
    if (i > start && (days > MOST_UTC_DAYS || i - start === limits.rows || bytes + more > limits.bytes)) {
      yield sorted.subarray(start, i)
      ;[start, days, bytes] = [i, 1, 0]
    }
    bytes += more
  }
  yield sorted.subarray(start)
}

/** What a row takes in a block, about; null where all rows together cannot exceed the limit. */
function sizer(arena: RecordArena, rows: number, limit: number): ((row: number) => number) | null {
  const { model, session_id, device_id, strings } = arena
  const { starts } = strings
  let longest = 0
  for (let code = 0; code < strings.count; code++) longest = Math.max(longest, starts[code + 1] - starts[code])
  if (rows * (BYTES_WITHOUT_TEXT + 3 * longest) <= limit) return null
  const length = (code: number) => starts[code + 1] - starts[code]
  return (row) => BYTES_WITHOUT_TEXT + length(model[row]) + length(session_id[row]) + length(device_id[row])
}

const dayOf = (ms: number): number => Math.floor(ms / DAY_MS)
