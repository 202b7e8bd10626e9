import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FieldName } from '../../src/domain/record.js'
import type { RecordFilter } from '../../src/order/filter.js'
import { type OrderedBlock, Orderer, type OrderOptions } from '../../src/order/orderer.js'
import { ALL, type PlainRecord, plainRecord, put, type Row, random, readNative } from './order-records.js'

const DAY = 86_400_000
/** 2025-06-15T00:00:00Z */
const MIDNIGHT = 1_749_945_600_000

let spoolDir: string
beforeEach(() => {
  spoolDir = mkdtempSync(join(tmpdir(), 'obleth-order-'))
})
afterEach(() => rmSync(spoolDir, { recursive: true, force: true }))

interface Sent {
  rows: Record<string, unknown>[]
  evidence: Record<string, unknown>[]
  block: OrderedBlock
}

async function order(rows: readonly Row[], options: Partial<OrderOptions> = {}, arenaRows = Infinity) {
  const sent: Sent[] = []
  const columns: readonly FieldName[] = ALL
  const orderer = new Orderer(
    { memoryBytes: 1 << 28, spoolDir, columns, filter: { tenants: [] }, encode: true, ...options },
    (block) => {
      sent.push({
        rows: block.rows === 0 ? [] : readNative(block.native),
        evidence: block.evidence === null ? [] : readNative(block.evidence.bytes),
        block: { ...block, native: new Uint8Array(0), evidence: null },
      })
    },
  )
  for (const row of rows) {
    put(orderer.arena, row)
    if (orderer.arena.rows === Math.min(arenaRows, orderer.arena.capacity)) await orderer.accept()
  }
  return { summary: await orderer.finish(), sent, records: sent.flatMap((block) => block.rows) }
}

const values = (record: PlainRecord) => ({ ...record, ts_ms: BigInt(record.ts_ms) })
const plain = (record: PlainRecord): Row => ({ record, evidence: 0, batch: 0 })
const byId = (rows: Record<string, unknown>[]) =>
  rows.toSorted((a, b) => (String(a.request_id) < String(b.request_id) ? -1 : 1))

function records(count: number, seed: number, days = 1): PlainRecord[] {
  const next = random(seed)
  return Array.from({ length: count }, () => plainRecord(next, MIDNIGHT + Math.floor(next() * days * DAY)))
}

function shuffled<T>(list: readonly T[], seed: number): T[] {
  const next = random(seed)
  return list
    .map((value) => ({ value, key: next() }))
    .sort((a, b) => a.key - b.key)
    .map(({ value }) => value)
}

describe('order stage', () => {
  it('sends every record once with its values, each block in order of time and id', async () => {
    const all = records(3000, 1, 3)
    const { sent, records: got, summary } = await order(shuffled([...all, ...all.slice(0, 500)], 2).map(plain), {}, 700)
    expect(byId(got)).toEqual(byId(all.map(values)))
    expect(summary).toMatchObject({ accepted: 3500, sent: 3000, copies: 500, filtered: 0, spilledRows: 0 })
    for (const { rows } of sent) {
      const keys = rows.map(({ ts_ms, request_id }) => `${ts_ms} ${request_id}`)
      expect(keys).toEqual(keys.toSorted())
    }
    expect(summary.minTsMs).toBe(Math.min(...all.map((r) => r.ts_ms)))
    expect(summary.maxTsMs).toBe(Math.max(...all.map((r) => r.ts_ms)))
  })
})
