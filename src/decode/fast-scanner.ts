import type { RecordArena } from '../domain/arena.js'
import { MAX_TS_MS, MIN_TS_MS } from '../domain/record.js'
import { BACKSLASH, CLOSE_BRACE, DOT, LF, MINUS, PLUS, QUOTE, ZERO } from './bytes.js'
import { CodeCache } from './code-cache.js'
import { HEAD_DIGITS, MAX_DIGITS, nearest, nearestToText } from './decimal.js'
import { absentNumber, absentText, INDEX } from './fields.js'
import { readHyphenated, UUID_LENGTH } from './uuid.js'

/**
 * Text between two values, compared eight bytes at a time; the last word overlaps the one before. Words are doubles,
 * the only 64-bit numbers that cost nothing: equal doubles have equal bytes, save zeros and NaN, which no text here is.
 */
class Literal {
  readonly length: number
  readonly words: Float64Array

  constructor(text: string) {
    const bytes = Buffer.from(text)
    this.length = bytes.length
    this.words = Float64Array.from({ length: Math.ceil(bytes.length / 8) }, (_, n) =>
      bytes.readDoubleLE(Math.min(8 * n, bytes.length - 8)),
    )
  }
}

const REQUEST_ID = new Literal('{"request_id":"')
const TENANT_ID = new Literal('","tenant_id":"')
const KEY_ID = new Literal('","key_id":"')
const MODEL = new Literal('","model":"')
const ADMISSION = new Literal(',"admission":"')
const WEIGHT = new Literal(',"weight":')
const INPUT_TOKENS = new Literal(',"input_tokens":')
const OUTPUT_TOKENS = new Literal(',"output_tokens":')
const ESTIMATED_TOKENS = new Literal(',"estimated_tokens":')
const QUEUE_WAIT_MS = new Literal(',"queue_wait_ms":')
const TTFT_MS = new Literal(',"ttft_ms":')
const TOTAL_MS = new Literal(',"total_ms":')
const STATUS_CODE = new Literal(',"status_code":')
const CACHE_STATUS = new Literal(',"cache_status":"')
const COST_USD = new Literal(',"cost_usd":')
const ENERGY_WH = new Literal(',"energy_wh":')
const ENERGY_COST_USD = new Literal(',"energy_cost_usd":')
const CO2_G = new Literal(',"co2_g":')
const TS_MS = new Literal(',"ts_ms":')
const SESSION_ID = new Literal(',"session_id":"')
const SESSION_ID_SOURCE = new Literal(',"session_id_source":"')
const REQUEST_TYPE = new Literal(',"request_type":"')
const DEVICE_ID = new Literal(',"device_id":"')

/** Bytes that stand for themselves in a string: printable ASCII without quote and backslash. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, b) =>
  Number(b >= 0x20 && b < 0x7f && b !== QUOTE && b !== BACKSLASH),
)

/** ts_ms between MIN_TS_MS and MAX_TS_MS has 13 digits. */
const TS_DIGITS = 13
/** An i64 of more digits than this is left to the careful reader. */
const WEIGHT_DIGITS = 9

const CACHE_STATUS_ABSENT = absentText('cache_status')
/** All four float fields have the same default. */
const F64_ABSENT = absentNumber('cost_usd')
const LETTER_E = 0x65

/**
 * Reads lines that look exactly as obleth's serde_json writes them straight into arena columns. Any deviation, however
 * harmless, makes it give up, and the careful reader decides: so it has to be right about what it takes, and only fast
 * about the rest.
 *
 * A step that fails returns `end`, from where every further step fails too: one check at the end is enough.
 */
export class FastScanner {
  /** Bits of the optional fields that the last record lacked. */
  missing = 0

  private bytes: Uint8Array = new Uint8Array(0)
  private view: DataView = new DataView(new ArrayBuffer(0))
  private end = 0
  private textStart = 0
  private textEnd = 0

  private readonly model = new CodeCache()
  private readonly admission = new CodeCache()
  private readonly cacheStatus = new CodeCache()
  private readonly sessionId = new CodeCache()
  private readonly sessionIdSource = new CodeCache()
  private readonly requestType = new CodeCache()
  private readonly deviceId = new CodeCache()

  /** Records later than `latestMs` are left to the careful reader. */
  constructor(private readonly latestMs: number) {}

  /** Names the bytes to scan; bytes[end - 1] must be LF. */
  attach(bytes: Uint8Array, end: number): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.end = end
  }

  /** To be called when the arena is another one or may have been reset. */
  forget(): void {
    this.model.forget()
    this.admission.forget()
    this.cacheStatus.forget()
    this.sessionId.forget()
    this.sessionIdSource.forget()
    this.requestType.forget()
    this.deviceId.forget()
  }

  /**
   * Reads the line at bytes[start] into row `arena.rows` (which it does not count) and returns where the next line
   * starts; -1 where it is not a record in serde_json's own shape.
   */
  scan(start: number, arena: RecordArena): number {
    const row = arena.rows
    this.missing = 0
    let p = this.uuid(this.after(start, REQUEST_ID), arena.request_id, row)
    p = this.uuid(this.after(p, TENANT_ID), arena.tenant_id, row)
    p = this.uuid(this.after(p, KEY_ID), arena.key_id, row)
    p = this.text(this.after(p, MODEL))
    const modelStart = this.textStart
    const modelEnd = this.textEnd
    p = this.text(this.after(p, ADMISSION))
    const admissionStart = this.textStart
    const admissionEnd = this.textEnd
    p = this.weight(this.after(p, WEIGHT), arena.weight, row)
    p = this.u32(this.after(p, INPUT_TOKENS), arena.input_tokens, row)
    p = this.u32(this.after(p, OUTPUT_TOKENS), arena.output_tokens, row)
    p = this.u32(this.after(p, ESTIMATED_TOKENS), arena.estimated_tokens, row)
    p = this.u32(this.after(p, QUEUE_WAIT_MS), arena.queue_wait_ms, row)
    p = this.u32(this.after(p, TTFT_MS), arena.ttft_ms, row)
    p = this.u32(this.after(p, TOTAL_MS), arena.total_ms, row)
    p = this.u16(this.after(p, STATUS_CODE), arena.status_code, row)
    if (p === this.end) return -1
    p = this.optionalText(p, CACHE_STATUS, INDEX.cache_status)
    const cacheStart = this.textStart
    const cacheEnd = this.textEnd
    p = this.optionalF64(p, COST_USD, INDEX.cost_usd, arena.cost_usd, row)
    p = this.optionalF64(p, ENERGY_WH, INDEX.energy_wh, arena.energy_wh, row)
    p = this.optionalF64(p, ENERGY_COST_USD, INDEX.energy_cost_usd, arena.energy_cost_usd, row)
    p = this.optionalF64(p, CO2_G, INDEX.co2_g, arena.co2_g, row)
    p = this.time(this.after(p, TS_MS), arena.ts_ms, row)
    p = this.optionalText(p, SESSION_ID, INDEX.session_id)
    const sessionStart = this.textStart
    const sessionEnd = this.textEnd
    p = this.optionalText(p, SESSION_ID_SOURCE, INDEX.session_id_source)
    const sourceStart = this.textStart
    const sourceEnd = this.textEnd
    p = this.optionalText(p, REQUEST_TYPE, INDEX.request_type)
    const typeStart = this.textStart
    const typeEnd = this.textEnd
    p = this.optionalText(p, DEVICE_ID, INDEX.device_id)

    const { bytes, end } = this
    if (p >= end - 1 || bytes[p] !== CLOSE_BRACE || bytes[p + 1] !== LF) return -1
    // Strings last: a rejected line must leave nothing behind in the pool.
    const pool = arena.strings
    arena.model[row] = this.model.code(pool, bytes, modelStart, modelEnd)
    arena.admission[row] = this.admission.code(pool, bytes, admissionStart, admissionEnd)
    arena.cache_status[row] =
      (this.missing & (1 << INDEX.cache_status)) === 0
        ? this.cacheStatus.code(pool, bytes, cacheStart, cacheEnd)
        : this.cacheStatus.code(pool, CACHE_STATUS_ABSENT, 0, CACHE_STATUS_ABSENT.length)
    arena.session_id[row] = this.sessionId.code(pool, bytes, sessionStart, sessionEnd)
    arena.session_id_source[row] = this.sessionIdSource.code(pool, bytes, sourceStart, sourceEnd)
    arena.request_type[row] = this.requestType.code(pool, bytes, typeStart, typeEnd)
    arena.device_id[row] = this.deviceId.code(pool, bytes, this.textStart, this.textEnd)
    return p + 2
  }

  /** Position behind the literal, which must stand at p. */
  private after(p: number, literal: Literal): number {
    const { view, end } = this
    const next = p + literal.length
    if (next > end) return end
    const words = literal.words
    const last = words.length - 1
    for (let i = 0; i < last; i++) if (view.getFloat64(p + 8 * i, true) !== words[i]) return end
    return view.getFloat64(next - 8, true) === words[last] ? next : end
  }

  private uuid(p: number, column: Uint32Array, row: number): number {
    if (p + UUID_LENGTH >= this.end) return this.end
    return readHyphenated(this.view, p, column, row * 4) ? p + UUID_LENGTH : this.end
  }

  /** The rest of a string whose opening quote stands before p; returns the position behind its closing quote. */
  private text(p: number): number {
    const { bytes, end } = this
    if (p === end) return end
    let at = p
    while (PLAIN[bytes[at]] === 1) at++
    if (bytes[at] !== QUOTE) return end
    this.textStart = p
    this.textEnd = at
    return at + 1
  }

  private optionalText(p: number, key: Literal, index: number): number {
    const at = this.after(p, key)
    if (at !== this.end) return this.text(at)
    this.missing |= 1 << index
    this.textStart = 0
    this.textEnd = 0
    return p
  }

  /** An unsigned number of any length; LF ends every loop. The next literal rejects digits behind a leading zero. */
  private u32(p: number, column: Uint32Array, row: number): number {
    const { bytes, end } = this
    if (p === end) return end
    let value = bytes[p] - ZERO
    if (value < 0 || value > 9) return end
    let at = p + 1
    if (value !== 0) {
      for (;;) {
        const digit = bytes[at] - ZERO
        if (digit < 0 || digit > 9) break
        value = value * 10 + digit
        at++
      }
      if (value > 0xffff_ffff) return end
    }
    column[row] = value
    return at
  }

  private u16(p: number, column: Uint16Array, row: number): number {
    const { bytes, end } = this
    if (p === end) return end
    let value = bytes[p] - ZERO
    if (value < 0 || value > 9) return end
    let at = p + 1
    if (value !== 0) {
      for (;;) {
        const digit = bytes[at] - ZERO
        if (digit < 0 || digit > 9) break
        value = value * 10 + digit
        at++
      }
      if (value > 0xffff) return end
    }
    column[row] = value
    return at
  }

  private weight(p: number, column: Uint32Array, row: number): number {
    const { bytes, end } = this
    if (p === end) return end
    let value = 0
    let at = p
    for (;;) {
      const digit = bytes[at] - ZERO
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
      at++
      if (at - p > WEIGHT_DIGITS) return end
    }
    if (at === p || (bytes[p] === ZERO && at - p > 1)) return end
    column[2 * row] = value
    column[2 * row + 1] = 0
    return at
  }

  private time(p: number, column: Float64Array, row: number): number {
    const { bytes, end } = this
    if (p + TS_DIGITS >= end) return end
    let head = 0
    let tail = 0
    for (let i = 0; i < 7; i++) {
      const digit = bytes[p + i] - ZERO
      if (digit < 0 || digit > 9) return end
      head = head * 10 + digit
    }
    for (let i = 7; i < TS_DIGITS; i++) {
      const digit = bytes[p + i] - ZERO
      if (digit < 0 || digit > 9) return end
      tail = tail * 10 + digit
    }
    const value = head * 1e6 + tail
    if (value < MIN_TS_MS || value >= MAX_TS_MS || value > this.latestMs) return end
    column[row] = value
    return p + TS_DIGITS
  }

  private optionalF64(p: number, key: Literal, index: number, column: Float64Array, row: number): number {
    const at = this.after(p, key)
    if (at !== this.end) return this.f64(at, column, row)
    this.missing |= 1 << index
    column[row] = F64_ABSENT
    return p
  }

  /** A JSON number; what JSON forbids fails here or at the next literal. */
  private f64(p: number, column: Float64Array, row: number): number {
    const { bytes, end } = this
    const negative = bytes[p] === MINUS
    let at = negative ? p + 1 : p
    const first = bytes[at] - ZERO
    if (first < 0 || first > 9) return end
    let head = first
    let tail = 0
    let digits = first === 0 ? 0 : 1
    let exponent = 0
    at++
    if (first !== 0) {
      for (;;) {
        const digit = bytes[at] - ZERO
        if (digit < 0 || digit > 9) break
        if (digits < HEAD_DIGITS) head = head * 10 + digit
        else tail = tail * 10 + digit
        digits++
        at++
      }
    }
    if (bytes[at] === DOT) {
      const fraction = ++at
      for (;;) {
        const digit = bytes[at] - ZERO
        if (digit < 0 || digit > 9) break
        if (digits < HEAD_DIGITS) {
          head = head * 10 + digit
          if (head !== 0) digits++
        } else {
          tail = tail * 10 + digit
          digits++
        }
        at++
      }
      if (at === fraction) return end
      exponent = fraction - at
    }
    if ((bytes[at] | 0x20) === LETTER_E) {
      const sign = bytes[++at]
      if (sign === MINUS || sign === PLUS) at++
      let power = 0
      const powerStart = at
      for (;;) {
        const digit = bytes[at] - ZERO
        if (digit < 0 || digit > 9) break
        power = power * 10 + digit
        at++
      }
      if (at === powerStart) return end
      exponent += sign === MINUS ? -power : power
    }
    let value = Number.NaN
    if (digits <= HEAD_DIGITS) value = nearest(head, 0, 0, exponent)
    else if (digits <= MAX_DIGITS) value = nearest(head, tail, digits - HEAD_DIGITS, exponent)
    if (Number.isNaN(value)) {
      column[row] = nearestToText(bytes, p, at)
      return Number.isFinite(column[row]) ? at : end
    }
    column[row] = negative ? -value : value
    return at
  }
}
