import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type TallyData, tallyOf } from '../../src/domain/tally.js'
import type { Kernel } from '../../src/kernel/index.js'
import type { Ledger } from '../../src/ledger/ledger.js'
import { createSchema } from '../../src/ledger/schema.js'
import { Staging } from '../../src/ledger/staging.js'
import { verifyStaging } from '../../src/ledger/verify.js'
import { blockColumns, EVIDENCE_COLUMNS, encodeEvidence, NativeEncoder } from '../../src/order/native-block.js'
import { Orderer } from '../../src/order/orderer.js'
import { makeTarget, type TestTarget } from '../support/server/targets.js'
import { ALL, kernelOf, type PlainRecord, plainRecord, put, type Row, random } from './order-records.js'

/** 2025-06-15T00:00:00Z */
const MIDNIGHT = 1_749_945_600_000

const expected = (tally: TallyData) => ({ ...tally, buckets: () => tally.entries })
const plain = (record: PlainRecord): Row => ({ record, evidence: 0, batch: 0 })

function extremes(next: () => number): PlainRecord[] {
  const base = () => plainRecord(next, MIDNIGHT + Math.floor(next() * 86_400_000))
  const top = 2 ** 32 - 1
  const long = 'ü🦀'.repeat(200_000)
  return [
    {
      ...base(),
      request_id: '00000000-0000-0000-0000-000000000000',
      tenant_id: 'ffffffff-ffff-ffff-ffff-ffffffffffff',
    },
    { ...base(), request_id: '01020304-0506-0708-090a-0b0c0d0e0f10', key_id: 'f1f2f3f4-f5f6-f7f8-f9fa-fbfcfdfeff00' },
    { ...base(), weight: -(2n ** 63n) },
    { ...base(), weight: 2n ** 63n - 1n },
    { ...base(), weight: -1n, status_code: 65_535 },
    { ...base(), input_tokens: top, output_tokens: top, estimated_tokens: top, queue_wait_ms: top },
    { ...base(), ttft_ms: top, total_ms: top, status_code: 0 },
    { ...base(), cost_usd: 5e-324, energy_wh: Number.MAX_VALUE, energy_cost_usd: -0, co2_g: -1.7976931348623157e308 },
    { ...base(), cost_usd: 0.1 + 0.2, energy_wh: 1e-7, energy_cost_usd: 9007199254740992, co2_g: 0.0009327 },
    { ...base(), model: '', admission: '', cache_status: '', session_id: '', request_type: '', device_id: '' },
    { ...base(), model: long, session_id: 'a\0b\n"\\', admission: 'schlüssel', cache_status: '🦀', device_id: long },
  ]
}

describe('blocks and sums in ClickHouse', () => {
  let target: TestTarget
  let ledger: Ledger
  let staging: Staging
  let number = 0

  beforeAll(async () => {
    target = await makeTarget('embedded')
  })
  afterAll(() => target.remove())
  beforeEach(async () => {
    ledger = await target.open(`order_${++number}`)
    await createSchema(ledger)
    staging = new Staging(ledger, `o${number}`)
    await staging.create()
  })
  afterEach(() => ledger.close())

  const stage = async (kernel: Kernel, rows: Uint32Array, columns = ALL) => {
    const { arena } = kernel
    const bytes = new NativeEncoder(kernel, columns).encode(rows)
    const file = join(target.scratch, `block-${number}.native`)
    writeFileSync(file, bytes)
    const data = { file, bytes: bytes.length, rows: rows.length, columns: blockColumns(columns) }
    const told = encodeEvidence(arena, rows)
    const evidence =
      told === null
        ? null
        : { file: `${file}.evidence`, bytes: told.bytes.length, rows: told.rows, columns: EVIDENCE_COLUMNS }
    if (told !== null) writeFileSync(`${file}.evidence`, told.bytes)
    await staging.insertBlock({ data, evidence })
  }
  const all = ({ arena }: Kernel) => Uint32Array.from({ length: arena.rows }, (_, row) => row)
  const stored = () =>
    ledger.rows<Record<string, string | number>>(
      `SELECT * EXCEPT (cost_usd, energy_wh, energy_cost_usd, co2_g),
         toString(reinterpretAsUInt64(cost_usd)) AS cost_usd, toString(reinterpretAsUInt64(energy_wh)) AS energy_wh,
         toString(reinterpretAsUInt64(energy_cost_usd)) AS energy_cost_usd, toString(reinterpretAsUInt64(co2_g)) AS co2_g
       FROM ${ledger.table(staging.tableName)} ORDER BY toString(request_id)`,
    )
  const bits = (value: number) => String(new BigUint64Array(Float64Array.of(value).buffer)[0])
  const asStored = (record: PlainRecord) => ({
    ...record,
    weight: String(record.weight),
    ts_ms: String(record.ts_ms),
    cost_usd: bits(record.cost_usd),
    energy_wh: bits(record.energy_wh),
    energy_cost_usd: bits(record.energy_cost_usd),
    co2_g: bits(record.co2_g),
  })

  it('stores every value bit for bit, and the sums of Node and SQL agree', async () => {
    const next = random(7)
    const records = [...extremes(next), ...Array.from({ length: 3000 }, () => plainRecord(next, MIDNIGHT + 5))]
    const kernel = kernelOf(records.map(plain))
    kernel.addToSums(all(kernel))
    await stage(kernel, all(kernel))
    const rows = records.map(asStored).sort((a, b) => (a.request_id < b.request_id ? -1 : 1))
    expect(await stored()).toEqual(rows)
    await verifyStaging(ledger, staging, expected(tallyOf(kernel.sums, ALL)))
  })

  it('notices one changed bit in any field', async () => {
    const next = random(8)
    const records = Array.from({ length: 50 }, () => plainRecord(next, MIDNIGHT + 5))
    const kernel = kernelOf(records.map(plain))
    await stage(kernel, all(kernel))
    kernel.addToSums(all(kernel))
    await verifyStaging(ledger, staging, expected(tallyOf(kernel.sums, ALL)))
    const [first, ...rest] = records
    for (const name of ALL) {
      const value = first[name]
      const other =
        typeof value === 'bigint'
          ? value + 2n ** 40n
          : typeof value === 'string'
            ? value.replace(/.?$/, (last) => (last === '0' ? '1' : '0'))
            : name === 'status_code'
              ? Number(value) + 1
              : Number.isInteger(value)
                ? Number(value) ^ 1024
                : Number(value) * (1 + 2 ** -52)
      const changed = { ...first, [name]: name === 'ts_ms' ? first.ts_ms + 1 : other }
      const wrong = kernelOf([changed, ...rest].map(plain))
      wrong.addToSums(all(wrong))
      const tally = expected(tallyOf(wrong.sums, ALL))
      await expect(verifyStaging(ledger, staging, tally), name).rejects.toThrow(/staging does not hold/)
    }
  })

  it('verifies what was added in portions, in another order, with columns missing', async () => {
    const next = random(9)
    const records = Array.from({ length: 1000 }, () => plainRecord(next, MIDNIGHT + Math.floor(next() * 1e9)))
    const columns = ALL.filter((name) => name !== 'co2_g' && name !== 'session_id_source' && name !== 'device_id')
    const kernel = kernelOf(records.map(plain))
    await stage(kernel, all(kernel), columns)
    const reversed = kernelOf(records.toReversed().map(plain))
    reversed.addToSums(all(reversed).subarray(0, 400))
    reversed.addToSums(all(reversed).subarray(400))
    await verifyStaging(ledger, staging, expected(tallyOf(reversed.sums, columns)))
  })

  it.each([256, 257, 65_536, 65_537])('writes dictionaries of %i keys', async (keys) => {
    const next = random(10)
    const records = Array.from({ length: keys + 10 }, (_, n) => ({
      ...plainRecord(next, MIDNIGHT + n),
      request_type: `kind-${n % keys}`,
    }))
    const kernel = kernelOf(records.map(plain))
    kernel.addToSums(all(kernel))
    await stage(kernel, all(kernel))
    const [answer] = await ledger.rows<{ distinct: string; wrong: string }>(
      `SELECT toString(uniqExact(request_type)) AS distinct,
         toString(countIf(request_type != concat('kind-', toString((ts_ms - ${MIDNIGHT}) % ${keys})))) AS wrong
       FROM ${ledger.table(staging.tableName)}`,
    )
    expect(answer).toEqual({ distinct: String(keys), wrong: '0' })
    await verifyStaging(ledger, staging, expected(tallyOf(kernel.sums, ALL)))
  })

  it('holds what the order stage sends, spilled or not, and verifies against its sums', async () => {
    const next = random(12)
    const records = [
      ...extremes(next),
      ...Array.from({ length: 600 }, () => plainRecord(next, MIDNIGHT + Math.floor(next() * 60 * 86_400_000))),
    ]
    let blocks = 0
    const orderer = new Orderer(
      { memoryBytes: 1, spoolDir: target.scratch, columns: ALL, filter: { tenants: [] }, encode: true },
      async ({ native, rows }) => {
        const file = join(target.scratch, `ordered-${number}-${blocks++}.native`)
        writeFileSync(file, native)
        await staging.insertBlock({
          data: { file, bytes: native.length, rows, columns: blockColumns(ALL) },
          evidence: null,
        })
      },
    )
    for (const record of [...records, ...records.toReversed()]) {
      put(orderer.kernel, plain(record))
      if (orderer.kernel.arena.rows === 500) await orderer.accept()
    }
    const summary = await orderer.finish()
    expect(summary).toMatchObject({ sent: records.length, copies: records.length, conflictCopies: 0 })
    expect(summary.spilledRows).toBeGreaterThan(400)
    expect(await stored()).toEqual(records.map(asStored).sort((a, b) => (a.request_id < b.request_id ? -1 : 1)))
    await verifyStaging(ledger, staging, expected(summary.tally))
  })

  it('writes evidence of the records that have some', async () => {
    const next = random(11)
    const rows = Array.from({ length: 300 }, (_, n) => ({
      record: plainRecord(next, MIDNIGHT + n),
      evidence: n % 3 === 0 ? 1 : 0,
      batch: n % 5 === 0 ? n + 1 : 0,
    }))
    const kernel = kernelOf(rows)
    await stage(kernel, all(kernel))
    const evidence = await ledger.rows(
      `SELECT toString(request_id) AS id, acknowledged, batch FROM ${ledger.table(staging.evidenceTableName)} ORDER BY id`,
    )
    expect(evidence).toEqual(
      rows
        .filter(({ evidence, batch }) => evidence + batch > 0)
        .map(({ record, evidence, batch }) => ({ id: record.request_id, acknowledged: evidence, batch }))
        .sort((a, b) => (a.id < b.id ? -1 : 1)),
    )
    const none = kernelOf(rows.slice(1, 3).map(({ record }) => plain(record)))
    expect(encodeEvidence(none.arena, all(none))).toBeNull()
  })
})
