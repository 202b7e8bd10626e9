import type { RecordArena } from './arena.js'
import { DAY_MS, FIELDS, type FieldName } from './record.js'

const BUCKETS = 65_536

/**
 * Sums over records, kept while they are sent and compared afterwards with the same sums in SQL over what arrived.
 * Records are counted in 65,536 buckets by (UTC day, tenant, key, model), so that memory stays the same whatever the
 * input, while in an ordinary ledger a bucket is one group. All sums are taken modulo 2^32, which typed arrays do by
 * themselves and SQL by toUInt32(): bits of floats, words of ids and CRC-32 of texts included, so that no value can
 * change unnoticed and the order of rows does not matter.
 */
export class Tally {
  private readonly rows = new Uint32Array(BUCKETS)
  private readonly sums: readonly Uint32Array[]
  readonly measures: readonly { readonly name: string; readonly sql: string }[]
  /** The number of a row's bucket, in SQL over the columns of `usage`. */
  readonly bucketSql = BUCKET_SQL
  private readonly parts: readonly Part[]

  /** `columns`: those that the target has; the others are not summed. */
  constructor(columns: readonly FieldName[]) {
    this.parts = FIELDS.filter(({ name }) => columns.includes(name)).flatMap(({ name, kind }) => {
      if (kind === 'uuid') return uuidParts(name)
      if (kind === 'string') return [textPart(name)]
      if (name === 'ts_ms') return timeParts(name)
      if (kind === 'f64' || name === 'weight') return wordParts(name, `reinterpretAsUInt64(${name})`, 2)
      return [kind === 'u16' ? shortPart(name) : word(name, name, 1, 0)]
    })
    this.sums = this.parts.map(() => new Uint32Array(BUCKETS))
    this.measures = this.parts.map(({ name, sql }) => ({ name, sql: `toUInt32(sum(${sql}))` }))
  }

  /** Adds the records of these rows of an arena. */
  add(arena: RecordArena, rows: Uint32Array): void {
    const buckets = bucketsOf(arena, rows)
    for (let i = 0; i < rows.length; i++) this.rows[buckets[i]]++
    this.parts.forEach((part, p) => {
      part.add(arena, rows, buckets, this.sums[p])
    })
  }

  /** The buckets that hold records; sums in the order of `measures`. */
  *buckets(): Iterable<{ bucket: number; rows: number; sums: bigint[] }> {
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      if (this.rows[bucket] === 0) continue
      yield { bucket, rows: this.rows[bucket], sums: this.sums.map((sum) => BigInt(sum[bucket])) }
    }
  }

  /** All there is, as plain data for another thread. */
  export(): TallyData {
    return { measures: [...this.measures], bucketSql: this.bucketSql, entries: [...this.buckets()] }
  }
}

export interface TallyData {
  readonly measures: { readonly name: string; readonly sql: string }[]
  readonly bucketSql: string
  readonly entries: { readonly bucket: number; readonly rows: number; readonly sums: bigint[] }[]
}

/** Halves of a UUID in SQL: in memory the first half of its text comes first, so it is the lower half of a UInt128. */
const half = (name: string, which: 'first' | 'second') =>
  which === 'first'
    ? `toUInt64(reinterpretAsUInt128(${name}))`
    : `toUInt64(bitShiftRight(reinterpretAsUInt128(${name}), 64))`

const BUCKET_SQL = `toUInt32(bitAnd(bitXor(bitXor(
  bitXor(toUInt32(intDiv(ts_ms, ${DAY_MS})), CRC32(model)),
  toUInt32(bitXor(${half('tenant_id', 'first')}, ${half('tenant_id', 'second')}))),
  toUInt32(bitShiftRight(bitXor(${half('key_id', 'first')}, ${half('key_id', 'second')}), 32))), ${BUCKETS - 1}))`

function bucketsOf(arena: RecordArena, rows: Uint32Array): Uint16Array {
  const { ts_ms, tenant_id, key_id, model } = arena
  const crc = arena.strings.crc
  const buckets = new Uint16Array(rows.length)
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]
    const at = row * 4
    // Word 0 is the low half of the first 64 bits, word 1 the high one; words 2 and 3 those of the second 64 bits.
    buckets[i] =
      Math.floor(ts_ms[row] / DAY_MS) ^
      crc[model[row]] ^
      (tenant_id[at] ^ tenant_id[at + 2]) ^
      (key_id[at + 1] ^ key_id[at + 3])
  }
  return buckets
}

/**
 * One sum. The loops differ in nothing but where a row's value is, and are not one loop all the same: they run for every
 * record, and a loop that meets several kinds of arrays is several times slower.
 */
interface Part {
  readonly name: string
  readonly sql: string
  add(arena: RecordArena, rows: Uint32Array, buckets: Uint16Array, into: Uint32Array): void
}

function textPart(name: FieldName): Part {
  return {
    name,
    sql: `CRC32(${name})`,
    add(arena, rows, buckets, into) {
      const codes = arena[name] as Uint32Array
      const { crc } = arena.strings
      for (let i = 0; i < rows.length; i++) into[buckets[i]] += crc[codes[rows[i]]]
    },
  }
}

function shortPart(name: FieldName): Part {
  return {
    name,
    sql: name,
    add(arena, rows, buckets, into) {
      const column = arena[name] as Uint16Array
      for (let i = 0; i < rows.length; i++) into[buckets[i]] += column[rows[i]]
    },
  }
}

/** One of the 32-bit words of a column, `stride` of them to a row. */
function word(name: FieldName, sql: string, stride: number, at: number): Part {
  return {
    name,
    sql,
    add(arena, rows, buckets, into) {
      const column = arena[name]
      addWords(
        column instanceof Float64Array ? new Uint32Array(column.buffer, column.byteOffset) : (column as Uint32Array),
        stride,
        at,
        rows,
        buckets,
        into,
      )
    },
  }
}

function addWords(
  words: Uint32Array,
  stride: number,
  at: number,
  rows: Uint32Array,
  buckets: Uint16Array,
  into: Uint32Array,
): void {
  for (let i = 0; i < rows.length; i++) into[buckets[i]] += words[rows[i] * stride + at]
}

/** Times are held as doubles and stored as integers. */
function timeParts(name: 'ts_ms'): Part[] {
  const [low, high] = wordParts(name, `reinterpretAsUInt64(${name})`, 2)
  return [
    {
      ...low,
      add(arena, rows, buckets, into) {
        const ts = arena[name]
        for (let i = 0; i < rows.length; i++)
          into[buckets[i]] += ts[rows[i]] - Math.floor(ts[rows[i]] / 2 ** 32) * 2 ** 32
      },
    },
    {
      ...high,
      add(arena, rows, buckets, into) {
        const ts = arena[name]
        for (let i = 0; i < rows.length; i++) into[buckets[i]] += Math.floor(ts[rows[i]] / 2 ** 32)
      },
    },
  ]
}

/** The two words of a 64-bit number, which `sql` is, `at` words into those of a row. */
function wordParts(name: FieldName, sql: string, stride: number, at = 0): Part[] {
  return [word(name, `bitAnd(${sql}, 4294967295)`, stride, at), word(name, `bitShiftRight(${sql}, 32)`, stride, at + 1)]
}

function uuidParts(name: FieldName): Part[] {
  return [...wordParts(name, half(name, 'first'), 4), ...wordParts(name, half(name, 'second'), 4, 2)]
}
