import { digest } from './digest'
import { float, numberEnd, thirteenDigits, unsigned } from './number'
import {
  ADMISSION,
  at,
  CACHE_STATUS,
  CO2_G,
  COST_USD,
  DEVICE_ID,
  ENERGY_COST_USD,
  ENERGY_WH,
  ESTIMATED_TOKENS,
  INPUT_TOKENS,
  KEY_ID,
  LINE_END,
  MODEL,
  OUTPUT_TOKENS,
  QUEUE_WAIT_MS,
  REQUEST_ID,
  REQUEST_TYPE,
  SESSION_ID,
  SESSION_ID_SOURCE,
  STATUS_CODE,
  TENANT_ID,
  TOTAL_MS,
  TS_MS,
  TTFT_MS,
  WEIGHT,
} from './places'
import { codeOf, count, heapUsed } from './texts'
import { isUtf8 } from './utf8'
import { UUID_LENGTH, uuid } from './uuid'

/** Rows of the arena that are filled. */
export let rows: u32 = 0
/** Of the rows that the last call added, unix ms. */
export let minTime: f64 = 0
export let maxTime: f64 = 0

/** Numbers of records by the mask of the optional fields that they lacked. */
export const MISSING = memory.data(512 * 4)
const LACKS_CACHE_STATUS = 1
const LACKS_COST_USD = 2
const LACKS_ENERGY_WH = 4
const LACKS_ENERGY_COST_USD = 8
const LACKS_CO2_G = 16
const LACKS_SESSION_ID = 32
const LACKS_SESSION_ID_SOURCE = 64
const LACKS_REQUEST_TYPE = 128
const LACKS_DEVICE_ID = 256

const TEXT_COLUMNS = 7
/** WEIGHT of more digits is left to the careful reader. */
const MOST_WEIGHT: u64 = 999_999_999
/** What an absent cache_status stands for. */
const OFF = memory.data<u8>([0x6f, 0x66, 0x66, 0, 0, 0, 0, 0])

function put32(region: i32, row: usize, value: u32): void {
  store<u32>(at(region) + (row << 2), value)
}

function putFloat(region: i32, row: usize, value: f64): void {
  store<f64>(at(region) + (row << 3), value)
}

/** The text in front of each field's value, two vectors with their masks; written by the host (see `tables.ts` there). */
export const LITERALS = memory.data(32 * 64)
/** Lengths of these, bytes. */
export const LENGTHS = memory.data(32 * 4)
/** Where the text of each column stands, for the time that it is not known whether the line will be taken. */
const TEXTS = memory.data(TEXT_COLUMNS * 8)

/** Any bit set where the text in front of the field does not stand at p. */
function differs(p: usize, field: usize): v128 {
  const literal = LITERALS + (field << 6)
  const head = v128.and(v128.xor(v128.load(p), v128.load(literal)), v128.load(literal, 32))
  const tail = v128.and(v128.xor(v128.load(p, 16), v128.load(literal, 16)), v128.load(literal, 48))
  return v128.or(head, tail)
}

function lengthOf(field: usize): usize {
  return load<u32>(LENGTHS + (field << 2))
}

/**
 * The rest of a string, the quote before it has been read: notes it, and returns the place behind the quote that ends it; 0
 * where it has escapes or is not UTF-8.
 */
function text(p: usize, column: usize): usize {
  const start = p
  let wide: i32 = 0
  for (;;) {
    const bytes = v128.load(p)
    const control = i8x16.lt_u(bytes, i8x16.splat(0x20))
    const quote = i8x16.eq(bytes, i8x16.splat(0x22))
    const mask = i8x16.bitmask(v128.or(v128.or(control, quote), i8x16.eq(bytes, i8x16.splat(0x5c))))
    const beyondAscii = i8x16.bitmask(bytes)
    if (mask !== 0) {
      wide |= beyondAscii & ((1 << ctz(mask)) - 1)
      p += ctz(mask)
      break
    }
    wide |= beyondAscii
    p += 16
  }
  if (load<u8>(p) !== 0x22 || (wide !== 0 && !isUtf8(start, p))) return 0
  store<u32>(TEXTS + (column << 3), <u32>start)
  store<u32>(TEXTS + (column << 3), <u32>(p - start), 4)
  return p + 1
}

function putText(region: i32, row: usize, column: usize): void {
  const note = TEXTS + (column << 3)
  put32(region, row, codeOf(column, load<u32>(note), load<u32>(note, 4)))
}

function noText(column: usize): void {
  store<u64>(TEXTS + (column << 3), 0)
}

/**
 * Reads the line at p into the row given, if it looks exactly as obleth's serde_json writes a record: every deviation,
 * however harmless, is left to the careful reader. Returns the place behind its LF, or 0. A step that goes wrong may leave
 * the ones after it reading what stands behind the line; nothing comes of that.
 */
function record(p: usize, row: usize, latest: f64, most: usize): usize {
  const start = p
  let missing: u32 = 0
  let bad = differs(p, REQUEST_ID)
  p += lengthOf(REQUEST_ID)
  bad = v128.or(bad, uuid(p, at(REQUEST_ID) + (row << 4)))
  p += UUID_LENGTH
  bad = v128.or(bad, differs(p, TENANT_ID))
  p += lengthOf(TENANT_ID)
  bad = v128.or(bad, uuid(p, at(TENANT_ID) + (row << 4)))
  p += UUID_LENGTH
  bad = v128.or(bad, differs(p, KEY_ID))
  p += lengthOf(KEY_ID)
  bad = v128.or(bad, uuid(p, at(KEY_ID) + (row << 4)))
  p += UUID_LENGTH
  bad = v128.or(bad, differs(p, MODEL))
  if (v128.any_true(bad)) return 0
  p = text(p + lengthOf(MODEL), 0)
  if (p === 0) return 0
  bad = differs(p, ADMISSION)
  p = text(p + lengthOf(ADMISSION), 1)
  if (p === 0) return 0
  bad = v128.or(bad, differs(p, WEIGHT))
  store<u64>(at(WEIGHT) + (row << 3), unsigned(p + lengthOf(WEIGHT), MOST_WEIGHT))
  p = numberEnd
  if (p === 0) return 0
  bad = v128.or(bad, differs(p, INPUT_TOKENS))
  put32(INPUT_TOKENS, row, <u32>unsigned(p + lengthOf(INPUT_TOKENS), u32.MAX_VALUE))
  p = numberEnd
  if (p === 0) return 0
  bad = v128.or(bad, differs(p, OUTPUT_TOKENS))
  put32(OUTPUT_TOKENS, row, <u32>unsigned(p + lengthOf(OUTPUT_TOKENS), u32.MAX_VALUE))
  p = numberEnd
  if (p === 0) return 0
  bad = v128.or(bad, differs(p, ESTIMATED_TOKENS))
  put32(ESTIMATED_TOKENS, row, <u32>unsigned(p + lengthOf(ESTIMATED_TOKENS), u32.MAX_VALUE))
  p = numberEnd
  if (p === 0) return 0
  bad = v128.or(bad, differs(p, QUEUE_WAIT_MS))
  put32(QUEUE_WAIT_MS, row, <u32>unsigned(p + lengthOf(QUEUE_WAIT_MS), u32.MAX_VALUE))
  p = numberEnd
  if (p === 0) return 0
  bad = v128.or(bad, differs(p, TTFT_MS))
  put32(TTFT_MS, row, <u32>unsigned(p + lengthOf(TTFT_MS), u32.MAX_VALUE))
  p = numberEnd
  if (p === 0) return 0
  bad = v128.or(bad, differs(p, TOTAL_MS))
  put32(TOTAL_MS, row, <u32>unsigned(p + lengthOf(TOTAL_MS), u32.MAX_VALUE))
  p = numberEnd
  if (p === 0) return 0
  bad = v128.or(bad, differs(p, STATUS_CODE))
  store<u16>(at(STATUS_CODE) + (row << 1), <u16>unsigned(p + lengthOf(STATUS_CODE), u16.MAX_VALUE))
  p = numberEnd
  if (p === 0) return 0

  if (v128.any_true(differs(p, CACHE_STATUS))) {
    missing |= LACKS_CACHE_STATUS
    store<u32>(TEXTS + (2 << 3), <u32>OFF)
    store<u32>(TEXTS + (2 << 3), 3, 4)
  } else {
    p = text(p + lengthOf(CACHE_STATUS), 2)
    if (p === 0) return 0
  }
  if (v128.any_true(differs(p, COST_USD))) {
    missing |= LACKS_COST_USD
    putFloat(COST_USD, row, 0)
  } else {
    putFloat(COST_USD, row, float(p + lengthOf(COST_USD)))
    p = numberEnd
    if (p === 0) return 0
  }
  if (v128.any_true(differs(p, ENERGY_WH))) {
    missing |= LACKS_ENERGY_WH
    putFloat(ENERGY_WH, row, 0)
  } else {
    putFloat(ENERGY_WH, row, float(p + lengthOf(ENERGY_WH)))
    p = numberEnd
    if (p === 0) return 0
  }
  if (v128.any_true(differs(p, ENERGY_COST_USD))) {
    missing |= LACKS_ENERGY_COST_USD
    putFloat(ENERGY_COST_USD, row, 0)
  } else {
    putFloat(ENERGY_COST_USD, row, float(p + lengthOf(ENERGY_COST_USD)))
    p = numberEnd
    if (p === 0) return 0
  }
  if (v128.any_true(differs(p, CO2_G))) {
    missing |= LACKS_CO2_G
    putFloat(CO2_G, row, 0)
  } else {
    putFloat(CO2_G, row, float(p + lengthOf(CO2_G)))
    p = numberEnd
    if (p === 0) return 0
  }
  bad = v128.or(bad, differs(p, TS_MS))
  const time = <f64>thirteenDigits(p + lengthOf(TS_MS))
  p = numberEnd
  if (p === 0 || time < earliest || time >= beyond || time > latest) return 0
  putFloat(TS_MS, row, time)
  if (v128.any_true(differs(p, SESSION_ID))) {
    missing |= LACKS_SESSION_ID
    noText(3)
  } else {
    p = text(p + lengthOf(SESSION_ID), 3)
    if (p === 0) return 0
  }
  if (v128.any_true(differs(p, SESSION_ID_SOURCE))) {
    missing |= LACKS_SESSION_ID_SOURCE
    noText(4)
  } else {
    p = text(p + lengthOf(SESSION_ID_SOURCE), 4)
    if (p === 0) return 0
  }
  if (v128.any_true(differs(p, REQUEST_TYPE))) {
    missing |= LACKS_REQUEST_TYPE
    noText(5)
  } else {
    p = text(p + lengthOf(REQUEST_TYPE), 5)
    if (p === 0) return 0
  }
  if (v128.any_true(differs(p, DEVICE_ID))) {
    missing |= LACKS_DEVICE_ID
    noText(6)
  } else {
    p = text(p + lengthOf(DEVICE_ID), 6)
    if (p === 0) return 0
  }
  // `}` and LF.
  if (load<u16>(p) !== 0x0a7d || v128.any_true(bad) || p + 2 - start > most) return 0
  // From here on nothing goes wrong any more: a line that is not taken must leave nothing behind in the pool.
  putText(MODEL, row, 0)
  putText(ADMISSION, row, 1)
  putText(CACHE_STATUS, row, 2)
  putText(SESSION_ID, row, 3)
  putText(SESSION_ID_SOURCE, row, 4)
  putText(REQUEST_TYPE, row, 5)
  putText(DEVICE_ID, row, 6)
  digest(row)
  if (missing !== 0) {
    const counter = MISSING + ((<usize>missing) << 2)
    store<u32>(counter, load<u32>(counter) + 1)
  }
  if (time < minTime) minTime = time
  if (time > maxTime) maxTime = time
  return p + 2
}

let earliest: f64 = 0
let beyond: f64 = 0
let mostRows: u32 = 0
let mostTexts: u32 = 0
let mostHeap: u32 = 0

/** What an arena holds, and the times that are times (unix ms, [from, to)). */
export function limit(rows: u32, texts: u32, heap: u32, from: f64, to: f64): void {
  mostRows = rows
  mostTexts = texts
  mostHeap = heap
  earliest = from
  beyond = to
}

export function setRows(n: u32): void {
  rows = n
}

/** True where one more record might not find room. */
export function isFull(): bool {
  return rows === mostRows || heapUsed > mostHeap || count > mostTexts
}

/**
 * Reads lines of [p, end), whose last byte is LF, into the arena while they are in serde_json's own shape and there is
 * room, and returns the place of the line where that ended, or `end`. Records later than `latest` and lines of more than
 * `most` bytes are not taken.
 */
export function scan(p: usize, end: usize, latest: f64, most: usize): usize {
  minTime = Infinity
  maxTime = -Infinity
  while (p < end && !isFull()) {
    const next = record(p, rows, latest, most)
    if (next === 0) break
    store<u32>(at(LINE_END) + ((<usize>rows) << 2), <u32>next)
    rows++
    p = next
  }
  return p
}
