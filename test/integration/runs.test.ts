import { afterEach, beforeEach, describe, expect, it } from 'vitest'
// @ts-expect-error a plain script, without types
import { oblethSchema } from '../../samples/obleth-schema.js'
import { LedgerDir, type Ran } from '../support/ledger-dir.js'
import { insertOf, ROLLUP_SQL, record, rollupOf, segment, type TestRecord } from '../support/records.js'

const NAME = 'telemetry.wal.segments/01773180000000000000-0b0f5a3c-7f6e-4f60-9f06-8f3a4a0d9c11.jsonl'
const ALL = Array.from({ length: 600 }, (_, n) => record(n))

interface RunsDocument {
  readonly status: string
  readonly runs: readonly { runId: string; progress: string; days: number; records: number; staging: object | null }[]
  readonly run: { runId: string; partitions: { day: string; records: number; rowsBefore: number; progress: string }[] }
  readonly undone: { removed: number; gone: number; days: { day: string; removed: number; gone: number }[] }
}

let dir: LedgerDir

beforeEach(() => {
  dir = new LedgerDir()
})
afterEach(() => dir.remove())

const asked = (...args: string[]) => {
  const { code, stderr, document } = dir.run(args)
  return { code, stderr, document: document as unknown as RunsDocument & Ran['document'] }
}
const runsOf = () => asked('runs', 'list').document.runs

/** `usage` bit for bit, and the rollup's integers. */
function ledgerNow() {
  const [[usage], sums] = dir.sql('SELECT count() AS rows, sum(cityHash64(*)) AS hash FROM obleth.usage', ROLLUP_SQL)
  return { usage, rollup: Object.fromEntries(sums.map(({ key, sums: s }) => [key, s])) }
}

function half(lost: boolean): readonly TestRecord[] {
  const inserted = ALL.filter((_, n) => n % 2 === 0)
  dir.sql(...oblethSchema(), insertOf(inserted), ...(lost ? ['TRUNCATE TABLE obleth.usage'] : []))
  return inserted
}

describe('runs', () => {
  it('lists none where none has been', () => {
    expect(asked('runs', 'list')).toMatchObject({ code: 0, document: { status: 'ok', runs: [] } })
  })

  it('names what it does not know, and refuses a name that is none', () => {
    const run = asked('runs', 'show', 'r0123456789ab')
    expect([run.code, run.document.error]).toMatchObject([
      2,
      { code: 'usage', message: expect.stringMatching('no run r0123') },
    ])
    expect(asked('runs', 'undo', '../r1').code).toBe(2)
  })

  it.each([
    ['half-filled', false],
    ['whose raw table was lost and whose rollup was kept', true],
  ])('undo takes a ledger %s back to where it was, twice does no harm, and a replay brings it all again', (_, lost) => {
    const inserted = half(lost)
    const before = ledgerNow()
    dir.write(`router-0/${NAME}`, segment([ALL]))
    dir.write(`router-0/${NAME}.offset`, String(lost ? segment([ALL]).length : 0))
    const replayed = dir.replay()
    const after = ledgerNow()
    const added = lost ? 600 : 300
    expect([replayed.document.records.inserted, after.usage.rows]).toEqual([added, '600'])

    const [{ runId, ...entry }] = runsOf()
    expect(entry).toMatchObject({ progress: 'published', days: 2, records: added, staging: null })
    const { partitions } = asked('runs', 'show', runId).document.run
    expect(partitions.map(({ day, progress }) => [day, progress])).toEqual([
      ['2026-03-10', 'published'],
      ['2026-03-11', 'published'],
    ])
    expect(partitions.reduce((sum, { records }) => sum + records, 0)).toBe(added)
    expect(partitions.reduce((sum, { rowsBefore }) => sum + rowsBefore, 0)).toBe(lost ? 0 : inserted.length)

    const undone = asked('runs', 'undo', runId)
    expect([undone.code, undone.document.undone.removed, undone.document.undone.gone], undone.stderr).toEqual([
      0,
      added,
      0,
    ])
    expect(ledgerNow()).toEqual(before)
    expect(runsOf()[0].progress).toBe('undone')
    const again = asked('runs', 'undo', runId)
    expect([again.code, again.document.undone]).toEqual([0, undone.document.undone])
    expect(ledgerNow()).toEqual(before)

    const second = dir.replay()
    expect(second.document.records.inserted).toBe(added)
    expect(ledgerNow()).toEqual(after)
  })

  it('undo counts what went away meanwhile, and takes nothing else', () => {
    dir.write(`router-0/${NAME}`, segment([ALL]))
    dir.replay()
    const stays = Array.from({ length: 40 }, (_, n) => record(1000 + n))
    dir.sql(
      insertOf(stays),
      `ALTER TABLE obleth.usage DELETE WHERE request_id = '${ALL[0].request_id}' SETTINGS mutations_sync = 2`,
    )
    const { document } = asked('runs', 'undo', runsOf()[0].runId)
    expect([document.undone.removed, document.undone.gone]).toEqual([599, 1])
    expect(ledgerNow().usage.rows).toBe('40')
    // The row that somebody deleted was counted, and its deletion was not: that drift was there before the undo.
    expect(ledgerNow().rollup).toEqual(rollupOf([...stays, ALL[0]]))
  })

  it('undo goes from the newest run back', () => {
    dir.write(`router-0/${NAME}`, segment([ALL.slice(0, 300)]))
    dir.replay()
    dir.write(`router-0/${NAME}`, segment([ALL]))
    dir.replay()
    const [first, second] = runsOf()
    const refused = asked('runs', 'undo', first.runId)
    expect([refused.code, refused.document.error?.message]).toEqual([5, expect.stringMatching(second.runId)])
    expect(asked('runs', 'undo', second.runId).code).toBe(0)
    expect(asked('runs', 'undo', first.runId).code).toBe(0)
    expect(ledgerNow()).toMatchObject({ usage: { rows: '0' }, rollup: {} })
  })

  it('undo refuses where a copy may be a pod’s, and leaves everything as it is', () => {
    dir.write(`router-0/${NAME}`, segment([ALL]))
    dir.replay()
    dir.sql(insertOf(ALL.slice(0, 5)))
    const before = ledgerNow()
    const refused = asked('runs', 'undo', runsOf()[0].runId)
    expect([refused.code, refused.document.error?.message]).toEqual([
      5,
      expect.stringMatching(/^\d records of the run/),
    ])
    expect(ledgerNow()).toEqual(before)
  })

  it('discard drops what was only staged; undo has nothing to do with it', () => {
    dir.write(`router-0/${NAME}`, segment([ALL]))
    expect(dir.replay('--stage-only').code).toBe(0)
    const [{ runId, progress, staging }] = runsOf()
    expect([progress, staging]).toEqual(['staged', { rows: 600, bytes: expect.any(Number) }])
    expect(asked('runs', 'undo', runId).code).toBe(5)
    expect(asked('runs', 'discard', runId).code).toBe(0)
    expect(runsOf()).toEqual([])
    expect(dir.replay().document.records.inserted).toBe(600)
  })
})
