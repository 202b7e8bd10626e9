import { DAY_MS, FIELDS, type Field, type FieldName } from './record.js'

export const TALLY_BUCKETS = 65_536
/** A bucket's rows, then its sums in the order of the record's fields; one word is not used. */
export const TALLY_WORDS = 40

/**
 * Sums over records, added up while they are sent and compared afterwards with the same sums in SQL over what arrived.
 * Records are counted in 65,536 buckets by (UTC day, tenant, key, model), so that memory stays the same whatever the
 * input, while in an ordinary ledger a bucket is one group. Sums are as wide as what is added, 32 or 64 bits, and wrap
 * around: bits of floats, halves of ids and CRC-32 of texts included, so that no value can change unnoticed and the order
 * of rows does not matter.
 *
 * @param sums rows and sums of every bucket, TALLY_WORDS a bucket, as the kernel adds them up (`kernel/assembly/tally.ts`)
 * @param columns those that the target has; the sums of others are left out
 */
export function tallyOf(sums: Uint32Array, columns: readonly FieldName[]): TallyData {
  let word = 1
  const chosen: (Measure & { readonly word: number })[] = []
  for (const field of FIELDS)
    for (const measure of measuresOf(field)) {
      if (columns.includes(field.name)) chosen.push({ ...measure, word })
      word += measure.words
    }
  const sumAt = (at: number, words: 1 | 2) =>
    words === 1 ? BigInt(sums[at]) : (BigInt(sums[at + 1]) << 32n) | BigInt(sums[at])
  const entries: TallyEntry[] = []
  for (let bucket = 0; bucket < TALLY_BUCKETS; bucket++) {
    const at = bucket * TALLY_WORDS
    const rows = sums[at]
    if (rows > 0) entries.push({ bucket, rows, sums: chosen.map(({ word, words }) => sumAt(at + word, words)) })
  }
  return {
    measures: chosen.map(({ name, sql, words }) => ({
      name,
      sql: words === 1 ? `toUInt32(sum(${sql}))` : `sum(${sql})`,
    })),
    bucketSql: BUCKET_SQL,
    entries,
  }
}

interface TallyEntry {
  readonly bucket: number
  readonly rows: number
  /** In the order of the measures. */
  readonly sums: bigint[]
}

export interface TallyData {
  readonly measures: { readonly name: string; readonly sql: string }[]
  /** The number of a row's bucket, in SQL over the columns of `usage`. */
  readonly bucketSql: string
  /** The buckets that hold records. */
  readonly entries: TallyEntry[]
}

/** Halves of a UUID in SQL: in memory the first half of its text comes first, so it is the lower half of a UInt128. */
const half = (name: string, which: 'first' | 'second') =>
  which === 'first'
    ? `toUInt64(reinterpretAsUInt128(${name}))`
    : `toUInt64(bitShiftRight(reinterpretAsUInt128(${name}), 64))`

const BUCKET_SQL = `toUInt32(bitAnd(bitXor(bitXor(
  bitXor(toUInt32(intDiv(ts_ms, ${DAY_MS})), CRC32(model)),
  toUInt32(bitXor(${half('tenant_id', 'first')}, ${half('tenant_id', 'second')}))),
  toUInt32(bitShiftRight(bitXor(${half('key_id', 'first')}, ${half('key_id', 'second')}), 32))), ${TALLY_BUCKETS - 1}))`

interface Measure {
  readonly name: string
  /** What is summed, an unsigned number of so many 32-bit words. */
  readonly sql: string
  readonly words: 1 | 2
}

function measuresOf({ name, kind }: Field): Measure[] {
  const wide = (sql: string): Measure => ({ name, sql, words: 2 })
  if (kind === 'uuid') return [wide(half(name, 'first')), wide(half(name, 'second'))]
  if (kind === 'f64' || kind === 'i64') return [wide(`reinterpretAsUInt64(${name})`)]
  return [{ name, sql: kind === 'string' ? `CRC32(${name})` : name, words: 1 }]
}
