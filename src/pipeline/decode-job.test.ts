import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { batches, record, segment, type TestRecord } from '../../test/support/records.js'
import { find, segmentName, tempFolder, write } from '../../test/support/wal-tree.js'
import { DAY_MS, FIELDS } from '../domain/record.js'
import { DecodeJob } from './decode-job.js'

/** Of an arena where there is little memory. */
const ARENA_ROWS = 4096
const START_MS = Date.UTC(2026, 0, 1)

/** The rows of each INSERT that these records come to. */
async function inserts(records: readonly TestRecord[], choices: { tenants?: readonly string[] } = {}) {
  const folder = tempFolder()
  write(folder, { [`pods/a/telemetry.wal.segments/${segmentName(START_MS)}`]: segment(batches(records)) })
  const { files } = await find(join(folder, 'pods'))
  const rows: number[] = []
  const task = {
    files,
    spoolDir: folder,
    quarantinePath: join(folder, 'quarantine.jsonl'),
    columns: FIELDS.map(({ name }) => name),
    sinceMs: undefined,
    untilMs: undefined,
    tenants: choices.tenants ?? [],
    dropBeforeMs: undefined,
    memoryBytes: 16 << 20,
    nowMs: START_MS + 365 * DAY_MS,
    acceptFuture: false,
    encode: true,
    conflictIds: new Uint32Array(0),
    origins: null,
  }
  const job = new DecodeJob(task, {
    block: async (data) => void rows.push(...(data === null ? [] : [data.rows])),
    progress() {},
    signal: new AbortController().signal,
  })
  const { sent } = await job.run()
  expect(sent).toBe(rows.reduce((sum, of) => sum + of, 0))
  return rows
}

const inOneDay = (n: number) => ({ ts_ms: START_MS + n })

describe('what goes into one INSERT', () => {
  it('is two full blocks, and what is left in the end', async () => {
    const records = Array.from({ length: 2 * ARENA_ROWS + 100 }, (_, n) => record(n, inOneDay(n)))
    expect(await inserts(records)).toEqual([2 * ARENA_ROWS, 100])
  })

  it('is many blocks where few rows of each are wanted', async () => {
    const [wanted, other] = [record(0).tenant_id, record(1).tenant_id]
    const records = Array.from({ length: 5 * ARENA_ROWS }, (_, n) =>
      record(n, { ...inOneDay(n), tenant_id: n % 64 === 0 ? wanted : other }),
    )
    expect(await inserts(records, { tenants: [wanted] })).toEqual([(5 * ARENA_ROWS) / 64])
  })

  it('does not come to more days than an INSERT may have', async () => {
    // 40 days in the first block, the 40 before them in the second, the same in the third.
    const days = (n: number) => (n < ARENA_ROWS ? 40 : 0) + (n % 40)
    const records = Array.from({ length: 3 * ARENA_ROWS }, (_, n) => record(n, { ts_ms: START_MS + days(n) * DAY_MS }))
    expect(await inserts(records)).toEqual([ARENA_ROWS, 2 * ARENA_ROWS])
  })

  it('is one block where its texts are long', async () => {
    const model = (n: number) => `${'long '.repeat(700)}${n % 3}`
    const records = Array.from({ length: 2 * ARENA_ROWS }, (_, n) => record(n, { ...inOneDay(n), model: model(n) }))
    expect((await inserts(records)).length).toBeGreaterThan(1)
  })
})
