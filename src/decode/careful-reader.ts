import { isUtf8 } from 'node:buffer'
import type { RecordArena } from '../domain/arena.js'
import { FIELDS, type FieldName, MAX_TS_MS, MIN_TS_MS } from '../domain/record.js'
import type { QuarantineReason } from '../domain/wal.js'
import { bufferOver, CLOSE_BRACE, COLON, COMMA, MINUS, OPEN_BRACE, QUOTE, ZERO } from './bytes.js'
import { nearestToText } from './decimal.js'
import { ALL_FIELDS, INDEX, REQUIRED } from './fields.js'
import { JsonCursor } from './json-cursor.js'
import { preview } from './preview.js'
import { RecordDraft } from './record-draft.js'
import { TextScratch } from './text-scratch.js'

export interface Failure {
  readonly reason: QuarantineReason
  readonly detail: string
}

/** What stands at a place: a record; a whole JSON value that is none; or no whole JSON value. */
export type Reading = 'record' | 'value' | 'broken'

/** Longest name of an unknown field that is kept, in bytes, and most names per record. */
const MAX_NAME_BYTES = 120
const MAX_NAMES = 64

const LIMITS = {
  i64: { least: -(2n ** 63n), most: 2n ** 63n - 1n },
  u32: { least: 0n, most: 0xffff_ffffn },
  u16: { least: 0n, most: 0xffffn },
}
/** Integers of so many digits are exact as doubles; up to these values they need no BigInt. */
const SMALL_DIGITS = 15
const SMALL_MOST = { i64: 10 ** SMALL_DIGITS, u32: 0xffff_ffff, u16: 0xffff }
/** No i64 has more characters. */
const MAX_INTEGER_LENGTH = 20

const KEYS = FIELDS.map(({ name }) => Buffer.from(name))
const FIELD_OF_KEY = new Map<string, number>(FIELDS.map(({ name }, index) => [name, index]))

/**
 * Reads one record in any spelling that obleth's serde accepts, and says exactly why something else is none. Values are
 * held back until `store`, so that a rejected line leaves nothing behind.
 */
export class CarefulReader {
  /** Why the last reading gave no record. */
  failure: Failure | null = null
  /** Null floats of the last record, read as 0. */
  nulls = 0
  /** True where ts_ms is later than the latest plausible one. */
  future = false
  /** Bits of the optional fields that the last record lacked. */
  missing = 0
  /** Distinct names of its fields that we do not know. */
  unknown: string[] = []

  private readonly scratch = new TextScratch()
  private readonly json = new JsonCursor(new Uint8Array(0), this.scratch)
  private readonly draft = new RecordDraft()

  /** Records later than `latestMs` (unix ms) are rejected unless `acceptFuture`. */
  constructor(
    private readonly latestMs: number,
    private readonly acceptFuture: boolean,
  ) {}

  /** Where the last reading ended: behind the value, or where its syntax broke. */
  get position(): number {
    return this.json.p
  }

  /** True where nothing but JSON's own white space stands behind the value read last. */
  atEnd(): boolean {
    return this.json.next() === -1
  }

  /** Reads the value that begins at bytes[start], white space before it allowed. */
  read(bytes: Uint8Array, start: number, end: number): Reading {
    const { json } = this
    json.attach(bytes, start, end)
    this.failure = null
    this.nulls = 0
    this.future = false
    this.unknown = []
    this.scratch.reset()
    const whole = json.next() === OPEN_BRACE ? this.object() : this.otherValue()
    if (!whole) {
      this.failure = { reason: 'json_syntax', detail: `not JSON from byte ${json.p - start} on` }
      return 'broken'
    }
    if (json.nonAscii && !isUtf8(bytes.subarray(start, json.p)))
      this.failure = { reason: 'invalid_utf8', detail: 'not UTF-8' }
    if (this.failure === null) this.checkTime()
    return this.failure === null ? 'record' : 'value'
  }

  /** Writes the record read last into row `arena.rows`, which it does not count. */
  store(arena: RecordArena): void {
    this.draft.store(arena, arena.rows)
  }

  private fail(reason: QuarantineReason, detail: string): void {
    this.failure ??= { reason, detail }
  }

  private otherValue(): boolean {
    this.fail('not_object', 'a JSON value, but no object')
    return this.json.skipValue()
  }

  /** Goes on to the end of the object after a failure: whether the text is whole decides what becomes of the line. */
  private object(): boolean {
    const { json } = this
    let present = 0
    let expected = 0
    json.p++
    if (json.next() === CLOSE_BRACE) json.p++
    else
      for (;;) {
        if (json.next() !== QUOTE) return false
        const keyed = json.string()
        if (keyed === 'syntax') return false
        if (keyed === 'lone_surrogate') this.fail('lone_surrogate', 'unpaired surrogate escape in a field name')
        const field = this.fieldOfKey(expected)
        if (field === -1) this.noteUnknown()
        if (!json.take(COLON)) return false
        json.next()
        if (field === -1) {
          if (!json.skipValue()) return false
        } else {
          if ((present & (1 << field)) !== 0) {
            this.fail('duplicate_key', `${FIELDS[field].name} stands there twice`)
            if (!json.skipValue()) return false
          } else if (!this.value(field)) return false
          present |= 1 << field
          expected = field + 1
        }
        if (json.take(COMMA)) continue
        if (json.take(CLOSE_BRACE)) break
        return false
      }
    this.complete(present)
    return true
  }

  /** Position in FIELDS of the name read last, or -1. Names mostly come in order, so the next one is tried first. */
  private fieldOfKey(expected: number): number {
    const { textBytes, textStart, textEnd } = this.json
    const key = KEYS[expected]
    if (key !== undefined && key.length === textEnd - textStart) {
      let i = 0
      while (i < key.length && key[i] === textBytes[textStart + i]) i++
      if (i === key.length) return expected
    }
    if (textEnd - textStart > MAX_NAME_BYTES) return -1
    return FIELD_OF_KEY.get(bufferOver(textBytes, textStart, textEnd).toString('latin1')) ?? -1
  }

  private noteUnknown(): void {
    if (this.unknown.length === MAX_NAMES) return
    const { textBytes, textStart, textEnd } = this.json
    const name = bufferOver(textBytes, textStart, Math.min(textEnd, textStart + MAX_NAME_BYTES)).toString('utf8')
    if (!this.unknown.includes(name)) this.unknown.push(name)
  }

  private complete(present: number): void {
    const lacking = REQUIRED & ~present
    if (lacking !== 0) this.fail('missing_field', `${FIELDS[31 - Math.clz32(lacking & -lacking)].name} is missing`)
    this.missing = ALL_FIELDS & ~present
    this.draft.fillAbsent(this.missing)
  }

  private checkTime(): void {
    const time = this.draft.numbers[INDEX.ts_ms]
    if (time < MIN_TS_MS || time >= MAX_TS_MS)
      this.fail('ts_out_of_range', `ts_ms ${this.draft.integer(INDEX.ts_ms)} is not a time in ms between 2015 and 2100`)
    else if (time > this.latestMs) {
      this.future = true
      if (!this.acceptFuture)
        this.fail('ts_in_future', `ts_ms ${time} (${new Date(time).toISOString()}) is more than a day in the future`)
    }
  }

  /** Reads the value of a known field; false where it is not JSON. */
  private value(field: number): boolean {
    const { name, kind } = FIELDS[field]
    const first = this.json.peek()
    const isString = first === QUOTE
    const isNumber = first === MINUS || (first >= ZERO && first <= 0x39)
    if (kind === 'uuid') return isString ? this.uuid(field, name) : this.mismatch(name, kind)
    if (kind === 'string') return isString ? this.text(field, name) : this.mismatch(name, kind)
    if (kind === 'f64') return isNumber ? this.float(field, name) : this.nullFloat(field, name)
    return isNumber ? this.integer(field, name, kind) : this.mismatch(name, kind)
  }

  private mismatch(name: FieldName, kind: string): boolean {
    const { json } = this
    const start = json.p
    if (!json.skipValue()) return false
    const text = preview(json.bytes, start, json.p)
    if (text === 'null') this.fail('null_value', `${name} is null`)
    else this.fail('type_mismatch', `${name} is ${text}, no ${kind}`)
    return true
  }

  private uuid(field: number, name: FieldName): boolean {
    const outcome = this.json.string()
    if (outcome === 'syntax') return false
    const { textBytes, textStart, textEnd } = this.json
    if (outcome === 'lone_surrogate') this.fail('lone_surrogate', `${name} has an unpaired surrogate escape`)
    else if (!this.draft.setUuid(field, textBytes, textStart, textEnd))
      this.fail('bad_uuid', `${name} is ${preview(textBytes, textStart, textEnd)}, no UUID`)
    return true
  }

  private text(field: number, name: FieldName): boolean {
    const outcome = this.json.string()
    if (outcome === 'syntax') return false
    if (outcome === 'lone_surrogate') this.fail('lone_surrogate', `${name} has an unpaired surrogate escape`)
    const { textBytes, textStart, textEnd } = this.json
    this.draft.setText(field, textBytes, textStart, textEnd)
    return true
  }

  private nullFloat(field: number, name: FieldName): boolean {
    const { json } = this
    const start = json.p
    if (json.peek() !== 0x6e) return this.mismatch(name, 'f64')
    if (!json.skipValue()) return false
    if (json.p - start === 4) {
      this.nulls++
      this.draft.numbers[field] = 0
    }
    return true
  }

  private float(field: number, name: FieldName): boolean {
    const { json } = this
    if (!json.number()) return false
    const value = nearestToText(json.bytes, json.numberStart, json.p)
    if (!Number.isFinite(value))
      this.fail('non_finite', `${name} is ${preview(json.bytes, json.numberStart, json.p)}, beyond f64`)
    this.draft.numbers[field] = value
    return true
  }

  /** serde_json takes -0 for a float, and any number with fraction or exponent too. */
  private integer(field: number, name: FieldName, kind: 'i64' | 'u32' | 'u16'): boolean {
    const { json } = this
    if (!json.number()) return false
    const { bytes, numberStart, p } = json
    const length = p - numberStart
    if (!json.integer || (length === 2 && bytes[numberStart] === MINUS && bytes[numberStart + 1] === ZERO)) {
      this.fail('type_mismatch', `${name} is ${preview(bytes, numberStart, p)}, no ${kind}`)
      return true
    }
    if (bytes[numberStart] !== MINUS && length <= SMALL_DIGITS) {
      let value = 0
      for (let i = numberStart; i < p; i++) value = value * 10 + (bytes[i] - ZERO)
      if (value <= SMALL_MOST[kind]) {
        this.draft.setSmallInteger(field, value)
        return true
      }
    }
    const value = length > MAX_INTEGER_LENGTH ? null : BigInt(bufferOver(bytes, numberStart, p).toString('latin1'))
    const { least, most } = LIMITS[kind]
    if (value === null || value < least || value > most)
      this.fail('out_of_range', `${name} ${preview(bytes, numberStart, p)} is beyond ${kind}`)
    else this.draft.setInteger(field, value)
    return true
  }
}
