import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LedgerDir } from '../support/ledger-dir.js'
import { batches, insertOf, ROLLUP_SQL, record, rollupOf, segment, type TestRecord } from '../support/records.js'

/**
 * One pod that went through an outage: batches of five. The first four were drained and acknowledged, two still wait.
 * Ten more records went straight into the ledger and are in no file.
 */
const ALL = Array.from({ length: 40 }, (_, n) => record(n))
const ACKNOWLEDGED = ALL.slice(0, 20)
const PENDING = ALL.slice(20, 30)
const DIRECT = ALL.slice(30)
const inFives = (records: readonly TestRecord[]) => batches(records, 5)

let dir: LedgerDir

beforeEach(() => {
  dir = new LedgerDir()
  const name = 'router-0/telemetry.wal.segments/01773180000000000000-0b0f5a3c-7f6e-4f60-9f06-8f3a4a0d9c11.jsonl'
  dir.write(name, segment(inFives([...ACKNOWLEDGED, ...PENDING])))
  dir.write(`${name}.offset`, String(segment(inFives(ACKNOWLEDGED)).length))
  // Creates obleth's schema; there is nothing in the window.
  expect(dir.replay('--since', '2030-01-01T00:00:00Z').code).toBe(0)
})
afterEach(() => dir.remove())

/** The ledger as the gateways left it before anything was lost. */
function fill(...more: TestRecord[][]): void {
  dir.sql(...[...inFives(ACKNOWLEDGED), ...more].map(insertOf))
}

function expectLedger(usage: readonly TestRecord[], rollup: readonly TestRecord[] = usage): void {
  const [ids, sums] = dir.sql('SELECT toString(request_id) AS id FROM obleth.usage ORDER BY id', ROLLUP_SQL)
  expect(ids.map(({ id }) => id)).toEqual(usage.map(({ request_id }) => request_id).sort())
  expect(Object.fromEntries(sums.map(({ key, sums: s }) => [key, s]))).toEqual(rollupOf(rollup))
}

const without = (records: readonly TestRecord[], gone: readonly TestRecord[]) =>
  records.filter((r) => !gone.includes(r))
const ids = (records: readonly TestRecord[]) => records.map(({ request_id }) => `'${request_id}'`).join(', ')
const deleteRaw = (records: readonly TestRecord[]) =>
  `ALTER TABLE obleth.usage DELETE WHERE toString(request_id) IN (${ids(records)}) SETTINGS mutations_sync = 2`

describe('replay after a loss', () => {
  it('rebuilds everything where everything was lost', () => {
    const { code, document } = dir.replay()
    expect(code).toBe(0)
    expect(document.records).toMatchObject({ decoded: 30, inserted: 30, duplicates: 0, alreadyInLedger: 0 })
    expect(document.rollup).toBe('consistent')
    expectLedger([...ACKNOWLEDGED, ...PENDING])
  })

  it('does not count acknowledged records again where only the raw table was lost', () => {
    fill()
    dir.sql('TRUNCATE TABLE obleth.usage')
    const { code, document } = dir.replay()
    expect([code, document.rollup, document.records.inserted]).toEqual([0, 'consistent', 30])
    expectLedger([...ACKNOWLEDGED, ...PENDING])
  })

  it('sees that the batch behind the checkpoint had been committed without it', () => {
    fill(PENDING.slice(0, 5))
    dir.sql('TRUNCATE TABLE obleth.usage')
    const { code, document } = dir.replay()
    expect([code, document.rollup, document.records.inserted]).toEqual([0, 'consistent', 30])
    expectLedger([...ACKNOWLEDGED, ...PENDING])
  })

  it('names the bounds, on every run, where raw rows were lost that no file holds', () => {
    fill(DIRECT)
    dir.sql('TRUNCATE TABLE obleth.usage')
    const first = dir.replay()
    expect([first.code, first.document.status, first.document.rollup]).toEqual([4, 'mismatch', 'mismatch'])
    expectLedger([...ACKNOWLEDGED, ...PENDING], ALL)
    const bounds = first.document.warnings.filter((warning) => warning.class === 'rollup_assumed')
    expect(bounds.length).toBeGreaterThan(0)
    for (const { message } of bounds)
      expect(message).toMatch(/too low by at most \d+ requests, too high by at most \d+/)
    const again = dir.replay()
    expect([again.code, again.document.records.inserted]).toEqual([4, 0])
    expect(again.document.warnings.filter((warning) => warning.class === 'rollup_assumed')).toEqual(bounds)
    const repaired = dir.replay('--repair-rollup')
    expect([repaired.code, repaired.document.rollup]).toEqual([4, 'mismatch'])
    expectLedger([...ACKNOWLEDGED, ...PENDING], ALL)
  })

  it('brings back rows of a raw table that was lost in part', () => {
    fill(DIRECT)
    dir.sql(deleteRaw(ACKNOWLEDGED.slice(3, 17)))
    const { code, document } = dir.replay()
    expect([code, document.rollup]).toEqual([0, 'consistent'])
    expect(document.records).toMatchObject({ inserted: 24, alreadyInLedger: 6 })
    expectLedger(ALL)
  })

  it('knows what an earlier replay published when the raw table is lost a second time', () => {
    expect(dir.replay().code).toBe(0)
    dir.sql('TRUNCATE TABLE obleth.usage')
    const { code, document } = dir.replay()
    expect([code, document.rollup, document.records.inserted]).toEqual([0, 'consistent', 30])
    expectLedger([...ACKNOWLEDGED, ...PENDING])
  })

  it('leaves a rollup alone that is older than the raw table, and says so', () => {
    fill(DIRECT)
    // The rollup of an older backup: it lacks ten acknowledged records and the direct ones.
    dir.sql('TRUNCATE TABLE obleth.usage_daily', 'DROP VIEW obleth.usage_daily_mv')
    dir.sql(rollupInsert(ACKNOWLEDGED.slice(0, 10)))
    const { code, document } = dir.replay()
    expect([code, document.rollup, document.records.inserted]).toEqual([4, 'mismatch', 10])
    const [rows] = dir.sql('SELECT count() AS rows, uniqExact(request_id) AS ids FROM obleth.usage')
    expect(rows).toEqual([{ rows: '40', ids: '40' }])
  })

  it('goes on from tables that were both restored from an older backup', () => {
    dir.sql(...inFives(ACKNOWLEDGED.slice(0, 10)).map(insertOf))
    const { code, document } = dir.replay()
    expect([code, document.rollup]).toEqual([0, 'consistent'])
    expect(document.records).toMatchObject({ inserted: 20, alreadyInLedger: 10 })
    expectLedger([...ACKNOWLEDGED, ...PENDING])
  })

  it('inserts nothing where nothing was lost', () => {
    fill(DIRECT, ...inFives(PENDING))
    for (let run = 0; run < 2; run++) {
      const { code, document } = dir.replay()
      expect([code, document.status, document.rollup]).toEqual([0, 'ok', 'consistent'])
      expect(document.records).toMatchObject({ decoded: 30, inserted: 0, alreadyInLedger: 30 })
    }
    expectLedger(ALL)
  })

  it('brings back rows that were deleted by hand after a replay', () => {
    expect(dir.replay().code).toBe(0)
    const gone = [...ACKNOWLEDGED.slice(4, 9), ...PENDING.slice(2, 7)]
    dir.sql(deleteRaw(gone))
    const { code, document } = dir.replay()
    expect([code, document.rollup, document.records.inserted]).toEqual([0, 'consistent', gone.length])
    expectLedger([...ACKNOWLEDGED, ...PENDING])
  })

  it('shows a lost rollup, and raises it when told to', () => {
    fill(DIRECT, ...inFives(PENDING))
    dir.sql('TRUNCATE TABLE obleth.usage_daily')
    const seen = dir.replay()
    expect([seen.code, seen.document.rollup, seen.document.records.inserted]).toEqual([4, 'mismatch', 0])
    const repaired = dir.replay('--repair-rollup')
    expect([repaired.code, repaired.document.rollup]).toEqual([0, 'repaired'])
    expectLedger(ALL)
    expect(dir.replay().document.rollup).toBe('consistent')
  })

  it('keeps a record of the ledger whose values differ', () => {
    fill()
    const other = { ...ACKNOWLEDGED[3], input_tokens: 7 }
    dir.sql(deleteRaw([ACKNOWLEDGED[3]]), 'TRUNCATE TABLE obleth.usage_daily', insertOf([other]))
    const { document } = dir.replay('--repair-rollup')
    expect(document.records).toMatchObject({ inserted: 10, alreadyInLedger: 20 })
    expect(document.warnings.find((warning) => warning.class === 'differs_from_ledger')).toMatchObject({ count: 1 })
    expectLedger([...without(ACKNOWLEDGED, [ACKNOWLEDGED[3]]), other, ...PENDING])
  })
})

/** Rows of the rollup as the view would have made them, inserted without it. */
function rollupInsert(records: readonly TestRecord[]): string {
  const values = Object.entries(rollupOf(records)).map(([key, sums]) => {
    const [day, tenant, keyId, model] = key.split(' ')
    return `('${day}', '${tenant}', '${keyId}', '${model}', ${sums.split(' ').join(', ')})`
  })
  return `INSERT INTO obleth.usage_daily (day, tenant_id, key_id, model, requests, success_requests, error_requests,
    input_tokens, output_tokens, estimated_tokens, cache_hits, cache_misses, ttft_ms_sum, total_ms_sum) VALUES ${values.join(', ')}`
}
