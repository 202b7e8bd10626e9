import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { TtlOutcome } from '../../src/domain/ttl.js'
import { LedgerDir } from '../support/ledger-dir.js'
import { insertOf, record, SEGMENT, segment } from '../support/records.js'
import { CLUSTER } from '../support/server/engines.js'
import { ServerDir } from '../support/server/server-dir.js'

vi.setConfig({ testTimeout: 120_000 })

const DAY_MS = 86_400_000
const daysAgo = (days: number) => Date.now() - days * DAY_MS
/** Three rows of the day before yesterday, two of a day 50 days ago, one each of 95 and 96 days ago. */
const AGES = [2, 2, 2, 50, 50, 95, 96]
const RECORDS = AGES.map((days, n) => record(n, { ts_ms: daysAgo(days) }))
const NINETY = 'toDateTime(ts_ms / 1000) + toIntervalDay(90)'

const told = ({ document }: { document: unknown }) => document as TtlOutcome & { changed: boolean; error?: unknown }

describe('the TTL of an embedded ledger', () => {
  let dir: LedgerDir
  beforeEach(() => {
    dir = new LedgerDir()
    dir.write(SEGMENT, segment([RECORDS]))
    expect(dir.replay().code).toBe(0)
    return () => dir.remove()
  })
  const rows = () =>
    Number(dir.sql('OPTIMIZE TABLE obleth.usage FINAL', 'SELECT count() AS rows FROM obleth.usage')[1][0].rows)

  it('is shown, set as documented, and takes the rows that it was said to take, no others', () => {
    expect(told(dir.run(['ttl', 'show']))).toMatchObject({
      ttl: null,
      rows: 7,
      expiring: { rows: 0 },
      retentionDays: 180,
    })
    const before = told(dir.run(['ttl', 'set', '--days', '90', '--dry-run']))
    const { fromMs, toMs } = before.expiring
    expect(before).toMatchObject({ changed: false, ttl: null, expiring: { rows: 2, days: 2 } })
    expect([fromMs, toMs]).toEqual([RECORDS[6].ts_ms, RECORDS[5].ts_ms])
    expect(rows()).toBe(7)
    const set = dir.run(['ttl', 'set', '--days', '90', '--yes'])
    expect(set.code, set.stderr).toBe(0)
    expect(told(set)).toMatchObject({ changed: true, ttl: { expression: NINETY, days: 90 }, expiring: { rows: 2 } })
    expect(rows()).toBe(5)
    const after = told(dir.run(['ttl', 'show']))
    expect(after).toMatchObject({ ttl: { days: 90 }, rows: 5, expiring: { rows: 0 } })
    expect(Math.abs((after.ttl?.cutoffMs ?? 0) - daysAgo(90))).toBeLessThan(60_000)
    // The rollup is none of its business.
    expect(dir.sql('SELECT sum(requests) AS n FROM obleth.usage_daily')[0][0].n).toBe('7')
  })

  it('is left alone where rows would go and nobody says yes', () => {
    const refused = dir.run(['ttl', 'set', '--days', '90'])
    expect(refused.code).toBe(5)
    expect(refused.document.error?.message).toContain('2 rows')
    expect(told(dir.run(['ttl', 'show'])).ttl).toBeNull()
    // Where none go, there is nothing to ask.
    expect(told(dir.run(['ttl', 'set', '--days', '365'])).changed).toBe(true)
  })

  it('of another shape is shown as it is, and replaced', () => {
    dir.sql(
      'ALTER TABLE obleth.usage MODIFY TTL toDateTime(ts_ms / 1000) + INTERVAL 3 MONTH SETTINGS materialize_ttl_after_modify = 0',
    )
    expect(told(dir.run(['ttl', 'show']))).toMatchObject({
      ttl: { expression: 'toDateTime(ts_ms / 1000) + toIntervalMonth(3)', days: null },
      expiring: { rows: 2 },
    })
    expect(told(dir.run(['ttl', 'set', '--days', '60', '--yes']))).toMatchObject({
      ttl: { days: 60 },
      expiring: { rows: 2 },
    })
  })

  it('needs to know the days', () => {
    expect(dir.run(['ttl', 'set']).code).toBe(2)
  })
})

describe('the TTL of a server', () => {
  let dir: ServerDir
  beforeAll(async () => {
    dir = await ServerDir.start('Asia/Kolkata', CLUSTER)
    return () => dir.remove()
  })
  beforeEach(async () => {
    await dir.empty()
    await dir.replayNothing()
  })

  it('is set with --yes alone, by the days of UTC whatever its zone', async () => {
    await dir.sql(insertOf(RECORDS))
    expect((await dir.command(['ttl', 'set', '--days', '365'])).code).toBe(5)
    const set = await dir.command(['ttl', 'set', '--days', '90', '--yes'])
    expect([set.code, told(set).expiring.rows], set.output).toEqual([0, 2])
    expect(told(await dir.command(['ttl', 'show']))).toMatchObject({ target: { kind: 'server' }, ttl: { days: 90 } })
  })

  it('is refused where the rows are on other servers', async () => {
    await dir.sql('RENAME TABLE obleth.usage TO obleth.usage_local')
    await dir.sql(
      "CREATE TABLE obleth.usage AS obleth.usage_local ENGINE = Distributed('alone', 'obleth', 'usage_local')",
    )
    const set = await dir.command(['ttl', 'set', '--days', '90', '--yes'])
    expect(set.code, set.output).toBe(5)
    expect(set.document.error).toMatchObject({ hint: expect.stringContaining(NINETY) })
  })
})

afterAll(() => vi.resetConfig())
