import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Orderer } from '../../src/order/orderer.js'
import { ALL, blockKey, type PlainRecord, plainRecord, put, type Row, random, readNative } from './order-records.js'

const MIDNIGHT = 1_749_945_600_000

interface Input {
  seed: number
  rows: number
  /** Ids to choose from: few of them make many copies. */
  ids: number
  /** Share of the rows that have another value than the first with their id. */
  odd: number
  spreadMs: number
  arenaRows: number
  memoryBytes: number
  expectedRecords: number
}

const input: fc.Arbitrary<Input> = fc.record({
  seed: fc.nat(),
  rows: fc.integer({ min: 0, max: 3000 }),
  ids: fc.integer({ min: 1, max: 3000 }),
  odd: fc.constantFrom(0, 0, 0.02, 0.5),
  spreadMs: fc.constantFrom(1, 60_000, 86_400_000 * 5, 86_400_000 * 400),
  arenaRows: fc.integer({ min: 1, max: 5000 }),
  // With the least, the table of ids is full after 179.
  memoryBytes: fc.constantFrom(1, 1, 100_000, 1 << 28),
  expectedRecords: fc.constantFrom(0, 500, 3000, 1_000_000),
})

function rowsOf({ seed, rows, ids, odd, spreadMs }: Input): Row[] {
  const next = random(seed)
  const known = Array.from({ length: ids }, () => plainRecord(next, MIDNIGHT + Math.floor(next() * spreadMs)))
  return Array.from({ length: rows }, () => {
    const record = known[Math.floor(next() * ids)]
    const other = next() < odd ? { ...record, ttft_ms: record.ttft_ms + Math.floor(next() * 3) } : record
    return { record: other, evidence: next() < 0.1 ? 1 : 0, batch: next() < 0.1 ? Math.floor(next() * 9) : 0 }
  })
}

const values = (record: PlainRecord) => ({ ...record, ts_ms: BigInt(record.ts_ms) })
const told = ({ record, evidence, batch }: Row) => `${record.request_id} ${evidence} ${batch}`

it('sends each id once with its values, whatever comes in what portions with how little memory', async () => {
  let spilled = 0
  await fc.assert(
    fc.asyncProperty(input, async (given) => {
      const spoolDir = mkdtempSync(join(tmpdir(), 'obleth-order-any-'))
      try {
        const rows = rowsOf(given)
        const blocks: Record<string, unknown>[][] = []
        const evidence: string[] = []
        const orderer = new Orderer(
          { ...given, spoolDir, columns: ALL, filter: { tenants: [] }, encode: true },
          (block) => {
            if (block.native.length > 0) blocks.push(readNative(block.native))
            if (block.evidence !== null)
              for (const row of readNative(block.evidence.bytes))
                evidence.push(`${row.request_id} ${row.acknowledged} ${row.batch}`)
          },
        )
        for (const row of rows) {
          put(orderer.kernel, row)
          if (orderer.kernel.arena.rows === Math.min(given.arenaRows, orderer.kernel.arena.capacity))
            await orderer.accept()
        }
        const summary = await orderer.finish()
        spilled += summary.spilledRows

        const versions = new Map<string, Map<number, Row>>()
        for (const row of rows) {
          const known = versions.get(row.record.request_id) ?? new Map<number, Row>()
          versions.set(row.record.request_id, known.set(row.record.ttft_ms, row))
        }
        const sent = blocks.flat()
        expect(sent).toHaveLength(versions.size)
        for (const row of sent) {
          const version = versions.get(String(row.request_id))?.get(Number(row.ttft_ms))
          expect(version && values(version.record)).toEqual(row)
        }
        expect(new Set(sent.map((row) => row.request_id)).size).toBe(versions.size)
        for (const block of blocks) {
          const keys = block.map(blockKey)
          expect(keys).toEqual(keys.toSorted())
          expect(new Set(block.map(({ ts_ms }) => (Number(ts_ms) / 86_400_000) | 0)).size).toBeLessThanOrEqual(49)
        }
        // Every id with several versions is known as such, and every other is not.
        expect(summary.conflictIds).toHaveLength([...versions.values()].filter(({ size }) => size > 1).length * 4)
        expect(summary.accepted).toBe(rows.length)
        expect(summary.sent + summary.copies + summary.conflictCopies).toBe(rows.length)
        const settled = (text: string) => versions.get(text.slice(0, 36))?.size === 1
        const wanted = rows.filter((row) => row.evidence + row.batch > 0).map(told)
        expect(evidence.filter(settled).sort()).toEqual(wanted.filter(settled).sort())
        expect(readdirSync(spoolDir)).toEqual([])
      } finally {
        rmSync(spoolDir, { recursive: true, force: true })
      }
    }),
    { numRuns: 60 },
  )
  expect(spilled).toBeGreaterThan(1000)
})
