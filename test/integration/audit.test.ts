import { afterEach, beforeEach, describe, expect, it } from 'vitest'
// @ts-expect-error a plain script, without types
import { oblethSchema } from '../../samples/obleth-schema.js'
import type { AuditOutcome } from '../../src/domain/audit.js'
import { LedgerDir } from '../support/ledger-dir.js'
import { insertOf, record, type TestRecord } from '../support/records.js'

const DAY_MS = 86_400_000
/** Yesterday at noon, so that no record is past retention or in the future. */
const NOON = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS / 2
const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10)

let dir: LedgerDir

beforeEach(() => {
  dir = new LedgerDir()
  dir.sql(...oblethSchema())
})
afterEach(() => dir.remove())

function audited(): { code: number | null; findings: AuditOutcome['findings']; notes: readonly string[] } {
  const { code, document } = dir.run(['audit'])
  const { findings, notes } = document as unknown as AuditOutcome
  return { code, findings, notes }
}

const at = (daysBack: number, n: number, changes: Partial<TestRecord> = {}) =>
  record(n, { ts_ms: NOON - daysBack * DAY_MS + n, ...changes })
const clean = () => [0, 1, 2].map((back) => Array.from({ length: 60 }, (_, n) => at(back, back * 60 + n)))
const tokensOf = (rows: readonly TestRecord[]) => rows.reduce((sum, r) => sum + r.input_tokens + r.output_tokens, 0)
const costOf = (rows: readonly TestRecord[]) => rows.reduce((sum, r) => sum + r.cost_usd, 0)

describe('audit', () => {
  it('finds nothing in a clean ledger, benchmark rows and days that only the rollup has included', () => {
    const bench = [at(0, 900, { request_type: 'benchmark' })]
    const old = [at(5, 950)]
    dir.sql(...[...clean(), bench, old].map(insertOf), `ALTER TABLE obleth.usage DROP PARTITION ID '${partition(5)}'`)
    const { code, findings, notes } = audited()
    expect([code, findings]).toEqual([0, []])
    expect(notes.some((note) => note.startsWith('rollup only: 1 days'))).toBe(true)
    expect(notes.filter((note) => note.includes('spans'))).toHaveLength(1)
  })

  it('says where there is no ledger', () => {
    dir.sql('DROP TABLE obleth.usage')
    expect(dir.run(['audit'])).toMatchObject({ code: 10, document: { error: { code: 'source_not_found' } } })
  })

  it('counts the rows too many per day, copies of copies and copies that differ', () => {
    const days = clean()
    const again = [days[0].slice(0, 7), days[1].slice(3, 4), days[2].slice(10, 33)]
    const differing = [{ ...days[1][3], status_code: 404 }]
    dir.sql(...[...days, ...again, differing].map((batch, n) => insertOf(batch).replace("token = '", `token = '${n}-`)))
    const { code, findings } = audited()
    expect(code).toBe(4)
    // Raw and rollup are doubled alike, so nothing drifts.
    expect(findings.map(({ kind, place, requests, tokens }) => [kind, place, requests, tokens])).toEqual([
      ['duplicates', dayOf(NOON - 2 * DAY_MS), 23, tokensOf(again[2])],
      ['duplicates', dayOf(NOON - DAY_MS), 2, tokensOf([...again[1], ...differing])],
      ['duplicates', dayOf(NOON), 7, tokensOf(again[0])],
    ])
    expect(findings.map(({ costUsd }) => costUsd)).toEqual([
      costOf(again[2]),
      costOf([...again[1], ...differing]),
      costOf(again[0]),
    ])
    // The version with the greater status stays, so both rows of the other one are too many.
    expect(findings[1].evidence).toMatch(/more than once: 1; .*: 0 equal copies, 2 with other values$/)
  })

  it('tells a rollup that lacks rows from one that has too many, and raw days that are gone', () => {
    const days = clean()
    const lost = days[1].filter((r) => r.tenant_id === days[1][0].tenant_id)
    dir.sql(
      ...days.map(insertOf),
      `ALTER TABLE obleth.usage DELETE WHERE tenant_id = '${lost[0].tenant_id}' AND toDate(ts) = '${dayOf(lost[0].ts_ms)}' SETTINGS mutations_sync = 2`,
      `ALTER TABLE obleth.usage_daily DELETE WHERE day = '${dayOf(NOON)}' SETTINGS mutations_sync = 2`,
    )
    const { findings } = audited()
    const total = (kind: string) =>
      findings
        .filter((f) => f.kind === kind)
        .reduce((sum, { requests, tokens }) => [sum[0] + requests!, sum[1] + tokens!], [0, 0])
    expect(total('rollup_excess')).toEqual([lost.length, tokensOf(lost)])
    expect(total('rollup_missing')).toEqual([-60, -tokensOf(days[0])])
    expect(new Set(findings.map(({ kind }) => kind)).size).toBe(2)
  })

  it('finds rows past retention, in the future and without finite figures, and unknown columns', () => {
    const old = [200, 201, 300].map((back, n) => at(back, 300 + n))
    const ahead = [3, 4].map((days, n) => at(-days, 400 + n))
    dir.sql(
      ...clean().map(insertOf),
      ...[...old, ...ahead].map((r) => insertOf([r])),
      insertOf([at(0, 500)]).replace(`${at(0, 500).cost_usd}, 0.5`, 'inf, 0.5'),
      "ALTER TABLE obleth.usage ADD COLUMN region String DEFAULT ''",
    )
    const { findings } = audited()
    const found = Object.fromEntries(findings.map(({ kind, requests, tokens }) => [kind, [requests, tokens]]))
    expect(found).toMatchObject({
      past_retention: [3, tokensOf(old)],
      future: [2, tokensOf(ahead)],
      non_finite: [1, tokensOf([at(0, 500)])],
      unknown_columns: [null, null],
    })
    expect(Object.keys(found)).toHaveLength(4)
    const times = old.map((r) => r.ts_ms)
    expect(findings.find(({ kind }) => kind === 'past_retention')?.window).toEqual({
      fromMs: Math.min(...times),
      toMs: Math.max(...times),
    })
  })
})

function partition(daysBack: number): string {
  return dayOf(NOON - daysBack * DAY_MS).replaceAll('-', '')
}
