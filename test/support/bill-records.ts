import { writeFileSync } from 'node:fs'
import { Decimal } from 'decimal.js'
import type { Ledger } from '../../src/ledger/ledger.js'
import { seeded } from './kill-run.js'
import { uuid } from './records.js'

/** Never rounds here: more digits than a sum of doubles can have. */
export const Exact = Decimal.clone({ precision: 1_500, toExpNeg: -1e9, toExpPos: 1e9 })

export interface BillRecord {
  readonly tenant: string
  readonly key: string
  readonly model: string
  readonly type: string
  readonly status: number
  readonly input: number
  readonly output: number
  readonly cache: string
  readonly cost: number
  readonly tsMs: number
}

/** Costs as tariffs make them, doubles with 17 digits, zeros, and now and then one that no Decimal of ClickHouse's holds. */
function costOf(next: () => number): number {
  const kind = next()
  if (kind < 0.5) return Math.round(next() * 1e6) / 1e7
  if (kind < 0.9) return next() * 0.01
  if (kind < 0.97) return 0
  if (kind < 0.9995) return next() * 1e8
  return [1e-7, 1e300, 5e-324, -3.3e-30, 1.2345678901234567e-23, Number('9.999999999999999e19'), 1e20][
    Math.floor(next() * 7)
  ]
}

/** Records all over the year from `fromMs`, many of them within an hour of a full hour. */
export function billRecords(count: number, fromMs: number, toMs: number): BillRecord[] {
  const next = seeded(20250601)
  const pick = <T>(list: readonly T[]) => list[Math.floor(next() * list.length)]
  return Array.from({ length: count }, () => {
    const tenant = Math.floor(next() ** 2 * 12)
    const tsMs = fromMs + Math.floor(next() * (toMs - fromMs))
    const edge = Math.round(tsMs / 1_800_000) * 1_800_000 + Math.floor(next() * 3) - 1
    return {
      tenant: uuid(2, tenant),
      key: uuid(3, tenant * 4 + Math.floor(next() * 4)),
      model: pick(['aurora-70b', 'heron-vl', 'tern-31b', 'wren "asr", v3']),
      type: pick(['chat', 'chat', 'chat', 'embedding', 'health_probe', 'benchmark', '']),
      status: pick([200, 200, 200, 302, 429, 500, 101]),
      input: Math.floor(next() * 2 ** 32),
      output: Math.floor(next() * 4_000),
      cache: pick(['hit', 'miss', 'off']),
      cost: costOf(next),
      tsMs: next() < 0.3 ? Math.min(Math.max(edge, fromMs), toMs - 1) : tsMs,
    }
  })
}

/** Inserts the records through obleth's view. Costs go as the bits of their doubles, so that no text is read on the way. */
export async function insertBillRecords(ledger: Ledger, records: readonly BillRecord[], file: string): Promise<void> {
  const bits = new DataView(new ArrayBuffer(8))
  const lines = records.map((r, n) => {
    bits.setFloat64(0, r.cost)
    return [
      uuid(1, n),
      r.tenant,
      r.key,
      r.model,
      r.status,
      r.input,
      r.output,
      r.cache,
      bits.getBigUint64(0),
      r.tsMs,
      r.type,
    ].join('\t')
  })
  writeFileSync(file, `${lines.join('\n')}\n`)
  const columns = 'request_id, tenant_id, key_id, model, status_code, input_tokens, output_tokens, cache_status'
  await ledger.command(
    `INSERT INTO ${ledger.table('usage')} (${columns}, cost_usd, ts_ms, request_type)
     SETTINGS async_insert = 0, max_partitions_per_insert_block = 0
     SELECT ${columns}, reinterpretAsFloat64(bits), ts_ms, request_type FROM file('${file}', 'TSV',
       'request_id UUID, tenant_id UUID, key_id UUID, model String, status_code UInt16, input_tokens UInt32,
        output_tokens UInt32, cache_status String, bits UInt64, ts_ms Int64, request_type String')`,
  )
}
