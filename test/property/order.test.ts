import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FieldName, MAX_TS_MS, MIN_TS_MS } from '../../src/domain/record.js'
import type { RecordFilter } from '../../src/order/filter.js'
import { hashId, IdTable } from '../../src/order/id-table.js'
import type { OrderedBlock, OrderOptions } from '../../src/order/ordered.js'
import { Orderer } from '../../src/order/orderer.js'
import {
  ALL,
  arenaOf,
  blockKey,
  type PlainRecord,
  plainRecord,
  put,
  type Row,
  random,
  readNative,
} from './order-records.js'

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
        rows: block.native.length === 0 ? [] : readNative(block.native),
        evidence: block.evidence === null ? [] : readNative(block.evidence.bytes),
        block: { ...block, native: new Uint8Array(0), evidence: null },
      })
    },
  )
  for (const row of rows) {
    put(orderer.kernel, row)
    if (orderer.kernel.arena.rows === Math.min(arenaRows, orderer.kernel.arena.capacity)) await orderer.accept()
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
  it('sends every record once with its values, each block in order of time', async () => {
    const all = records(3000, 1, 3)
    const { sent, records: got, summary } = await order(shuffled([...all, ...all.slice(0, 500)], 2).map(plain), {}, 700)
    expect(byId(got)).toEqual(byId(all.map(values)))
    expect(summary).toMatchObject({ accepted: 3500, sent: 3000, copies: 500, filtered: 0, spilledRows: 0 })
    for (const { rows } of sent) {
      const keys = rows.map(blockKey)
      expect(keys).toEqual(keys.toSorted())
    }
    expect(summary.minTsMs).toBe(Math.min(...all.map((r) => r.ts_ms)))
    expect(summary.maxTsMs).toBe(Math.max(...all.map((r) => r.ts_ms)))
  })
})

/** Ids are 128-bit values here, so a plain map tells what must come out. */
function model(rows: readonly Row[]) {
  const first = new Map<string, Row>()
  let [copies, conflicts] = [0, 0]
  const same = ({ record: a }: Row, { record: b }: Row) =>
    JSON.stringify(values(a), text) === JSON.stringify(values(b), text)
  for (const row of rows) {
    const known = first.get(row.record.request_id)
    if (known === undefined) first.set(row.record.request_id, row)
    else if (same(known, row)) copies++
    else conflicts++
  }
  return { first, copies, conflicts }
}
const text = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value)

describe('order stage against a plain map', () => {
  /** The id table of the smallest budget is full after 179 ids. */
  it.each([
    [1, 2000, 1],
    [2, 12_000, 1],
    [3, 30_000, 1],
    [4, 30_000, 1 << 20],
    [5, 12_000, 1 << 28],
  ])('seed %i, %i records, %i bytes of memory', async (seed, count, memoryBytes) => {
    const next = random(seed)
    const all = records(count, seed * 100, 4)
    const input: Row[] = all.map((record) => ({
      record,
      evidence: next() < 0.1 ? 1 : 0,
      batch: next() < 0.05 ? seed : 0,
    }))
    for (let n = 0; n < count / 5; n++) {
      const { record } = input[Math.floor(next() * count)]
      const other = next() < 0.1 ? { ...record, output_tokens: (record.output_tokens ^ 1) >>> 0 } : { ...record }
      input.push({ record: other, evidence: next() < 0.5 ? 1 : 0, batch: next() < 0.2 ? 1000 + n : 0 })
    }
    const rows = shuffled(input, seed)
    const { first, copies, conflicts } = model(rows)
    const { summary, sent, records: got } = await order(rows, { memoryBytes })

    expect(got).toHaveLength(first.size)
    expect(new Set(got.map((row) => row.request_id))).toEqual(new Set(first.keys()))
    expect(summary.accepted).toBe(rows.length)
    expect(summary.sent).toBe(first.size)
    expect(summary.copies + summary.conflictCopies).toBe(copies + conflicts)
    const conflictIds = new Set(
      rows
        .filter(({ record }) => record.output_tokens !== first.get(record.request_id)?.record.output_tokens)
        .map(({ record }) => record.request_id),
    )
    expect(idsOf(summary.conflictIds)).toEqual(conflictIds)
    expect(summary.conflictIds).toHaveLength(conflictIds.size * 4)
    if (memoryBytes < 1 << 28) expect(summary.spilledRows).toBeGreaterThan(0)
    else expect(summary.spilledRows).toBe(0)

    const told = sent.flatMap(({ evidence }) =>
      evidence.map((row) => `${row.request_id} ${row.acknowledged} ${row.batch}`),
    )
    const wanted = rows
      .filter(({ record, evidence, batch }) => evidence + batch > 0 && !conflictIds.has(record.request_id))
      .map(({ record, evidence, batch }) => `${record.request_id} ${evidence} ${batch}`)
    expect(told.filter((row) => !conflictIds.has(row.slice(0, 36))).sort()).toEqual(wanted.sort())
    for (const { rows: block } of sent) {
      const keys = block.map(blockKey)
      expect(keys).toEqual(keys.toSorted())
    }
    expect(readdirSync(spoolDir)).toEqual([])
  })

  it('gives the values of records that went over the disk', async () => {
    const all = records(20_000, 77, 2)
    const { summary, records: got } = await order(shuffled([...all, ...all], 3).map(plain), { memoryBytes: 1 })
    expect(summary).toMatchObject({ accepted: 40_000, sent: 20_000, copies: 20_000 })
    expect(summary.spilledRows).toBeGreaterThan(20_000)
    expect(summary.spilledBytes).toBeGreaterThan(0)
    expect(byId(got)).toEqual(byId(all.map(values)))
  })

  it.each([1, 1 << 28])('counts what the filter and withheld ids leave out, with %i bytes', async (memoryBytes) => {
    const all = records(9000, 5, 3)
    const tenant = '00000000-0000-0000-0000-000000000002'
    const filter: RecordFilter = {
      sinceMs: MIDNIGHT + DAY / 2,
      untilMs: MIDNIGHT + 2.5 * DAY,
      tenants: [tenant, '00000000-0000-0000-0000-000000000003'],
      dropBeforeMs: MIDNIGHT + DAY,
    }
    const withheld = new IdTable(1 << 20)
    const held = new Set(all.filter((_, n) => n % 7 === 0).map((record) => record.request_id))
    const ids = arenaOf(all.filter((record) => held.has(record.request_id)).map(plain))
    for (let row = 0; row < ids.rows; row++)
      withheld.insert(ids.request_id, row * 4, hashId(ids.request_id, row * 4), Uint32Array.of(1, 1))
    const inside = all.filter(
      (r) => r.ts_ms >= MIDNIGHT + DAY / 2 && r.ts_ms < MIDNIGHT + 2.5 * DAY && /[23]$/.test(r.tenant_id),
    )
    const fresh = inside.filter((r) => r.ts_ms >= MIDNIGHT + DAY)
    const wanted = fresh.filter((r) => !held.has(r.request_id))
    const { summary, records: got } = await order(all.map(plain), { memoryBytes, filter, withheld })
    expect(byId(got)).toEqual(byId(wanted.map(values)))
    expect(summary).toMatchObject({
      accepted: 9000,
      sent: wanted.length,
      copies: 0,
      filtered: 9000 - inside.length,
      expired: inside.length - fresh.length,
      withheld: fresh.length - wanted.length,
    })
  })

  it('keeps blocks below 50 days', async () => {
    const all = Array.from({ length: 105 }, (_, day) => records(4, day)).flatMap((four, day) =>
      four.map((record) => ({ ...record, ts_ms: MIDNIGHT + day * DAY + (record.ts_ms - MIDNIGHT) })),
    )
    const { sent } = await order(shuffled(all, 9).map(plain))
    const days = sent.map(({ rows }) => new Set(rows.map(({ ts_ms }) => (Number(ts_ms) / DAY) | 0)).size)
    expect(days).toEqual([49, 49, 7])
    expect(sent.map(({ block }) => block.rows)).toEqual([196, 196, 28])
  })

  it('sorts what lies decades apart', async () => {
    const all = records(500, 3).map((record, n) => ({ ...record, ts_ms: n % 2 ? MIN_TS_MS + n : MAX_TS_MS - 1 - n }))
    const { sent, records: got } = await order(all.map(plain))
    const times = all.map(({ ts_ms }) => ts_ms).sort((a, b) => a - b)
    for (const { rows } of sent) {
      const some = rows.map(({ ts_ms }) => Number(ts_ms)).sort((a, b) => a - b)
      expect(some).toEqual(times.splice(0, some.length))
    }
    expect(got.length).toBe(all.length)
    expect(sent).toHaveLength(1)
  })

  it('without encoding gives counts only', async () => {
    const rows = records(50, 4).map((record) => ({ record, evidence: 1, batch: 0 }))
    const { summary, sent } = await order(rows, { encode: false })
    expect(summary.sent).toBe(50)
    expect(sent).toMatchObject([{ rows: [], evidence: [], block: { rows: 50 } }])
  })

  it('a full disk ends it with an error that says so', async (context) => {
    const small = join(spoolDir, 'small')
    mkdirSync(small)
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', small]).status === 0
    if (!mounted) return context.skip('a file system of 256 KiB cannot be mounted here')
    try {
      const failure = order(records(20_000, 6).map(plain), { memoryBytes: 1, spoolDir: small })
      await expect(failure).rejects.toMatchObject({ code: 'disk_full', place: small })
      expect(readdirSync(small)).toEqual([])
    } finally {
      spawnSync('umount', ['-l', small])
    }
  })

  it('a spool directory that cannot be written ends it with an error that says where', async () => {
    const gone = join(spoolDir, 'gone')
    const failure = order(records(20_000, 6).map(plain), { memoryBytes: 1, spoolDir: gone })
    await expect(failure).rejects.toMatchObject({ code: 'internal', place: gone })
  })
})

function idsOf(words: Uint32Array): Set<string> {
  const hex = (at: number) => words[at].toString(16).padStart(8, '0')
  const ids = new Set<string>()
  for (let at = 0; at < words.length; at += 4)
    ids.add((hex(at + 1) + hex(at) + hex(at + 3) + hex(at + 2)).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'))
  return ids
}
