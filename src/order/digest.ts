import type { RecordArena } from '../domain/arena.js'

/** Most rows that are digested at once: few enough that their columns and states stay in the processor's caches. */
export const DIGEST_ROWS = 1024

/** The halves of the digests on their way; signed, since that is what the bit operations give. */
const a = new Int32Array(DIGEST_ROWS)
const b = new Int32Array(DIGEST_ROWS)

/**
 * 64-bit digests of everything but the request id, by which a copy is known to be the same in every field: two words for
 * each of rows[0..count), the first never 0. Two different versions of one record pass as equal with a chance of 2^-64
 * for each such pair, which is enough beside the id, whose 128 bits are compared whole. Of a text each half takes in one
 * of the two hashes that the arena's string pool holds of it, so a digest does not depend on the arena. Floats count by
 * their bits: 0 and -0 differ.
 *
 * A column after the other, since the steps of one digest wait for each other and those of different rows do not.
 */
export function digestRows(arena: RecordArena, rows: Uint32Array, count: number, into: Uint32Array): void {
  a.fill(0x2545f491)
  b.fill(0x1e3779b9)
  foldFours(arena.tenant_id, rows, count)
  foldFours(arena.key_id, rows, count)
  foldPairs(arena.weight, rows, count)
  foldOnes(arena.input_tokens, rows, count)
  foldOnes(arena.output_tokens, rows, count)
  foldOnes(arena.estimated_tokens, rows, count)
  foldOnes(arena.queue_wait_ms, rows, count)
  foldOnes(arena.ttft_ms, rows, count)
  foldOnes(arena.total_ms, rows, count)
  foldShorts(arena.status_code, rows, count)
  foldPairs(bitsOf(arena.cost_usd), rows, count)
  foldPairs(bitsOf(arena.energy_wh), rows, count)
  foldPairs(bitsOf(arena.energy_cost_usd), rows, count)
  foldPairs(bitsOf(arena.co2_g), rows, count)
  foldPairs(bitsOf(arena.ts_ms), rows, count)
  const { crc, mix } = arena.strings
  foldTexts(arena.model, crc, mix, rows, count)
  foldTexts(arena.admission, crc, mix, rows, count)
  foldTexts(arena.cache_status, crc, mix, rows, count)
  foldTexts(arena.session_id, crc, mix, rows, count)
  foldTexts(arena.session_id_source, crc, mix, rows, count)
  foldTexts(arena.request_type, crc, mix, rows, count)
  foldTexts(arena.device_id, crc, mix, rows, count)
  for (let i = 0; i < count; i++) {
    into[2 * i] = a[i] === 0 ? 1 : a[i]
    into[2 * i + 1] = b[i]
  }
}

const bitsOf = (column: Float64Array) => new Uint32Array(column.buffer, column.byteOffset, column.length * 2)

/** One step of either half; each is a bijection of the value, so that one changed value always changes the half. */
function first(state: number, value: number): number {
  const mixed = Math.imul(state ^ value, 0x85ebca6b)
  return mixed ^ (mixed >>> 15)
}

function second(state: number, value: number): number {
  const mixed = Math.imul((state + (value | 0)) | 0, 0xc2b2ae35)
  return mixed ^ (mixed >>> 13)
}

function foldOnes(column: Uint32Array, rows: Uint32Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const value = column[rows[i]]
    a[i] = first(a[i], value)
    b[i] = second(b[i], value)
  }
}

/** A loop of its own: one that meets two kinds of arrays is slower for both. */
function foldShorts(column: Uint16Array, rows: Uint32Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const value = column[rows[i]]
    a[i] = first(a[i], value)
    b[i] = second(b[i], value)
  }
}

function foldPairs(column: Uint32Array, rows: Uint32Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const at = rows[i] * 2
    const low = column[at]
    const high = column[at + 1]
    a[i] = first(first(a[i], low), high)
    b[i] = second(second(b[i], low), high)
  }
}

function foldFours(column: Uint32Array, rows: Uint32Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const at = rows[i] * 4
    const [w0, w1, w2, w3] = [column[at], column[at + 1], column[at + 2], column[at + 3]]
    a[i] = first(first(first(first(a[i], w0), w1), w2), w3)
    b[i] = second(second(second(second(b[i], w0), w1), w2), w3)
  }
}

function foldTexts(codes: Uint32Array, crc: Uint32Array, mix: Uint32Array, rows: Uint32Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const code = codes[rows[i]]
    a[i] = first(a[i], crc[code])
    b[i] = second(b[i], mix[code])
  }
}
