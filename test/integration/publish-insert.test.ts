import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { insertOf, record, SEGMENT, segment } from '../support/records.js'
import { CLUSTER, ENGINES, type Engine, ledgerOf } from '../support/server/engines.js'
import { expectLedger } from '../support/server/expect-ledger.js'
import { ServerDir, type ServerRan } from '../support/server/server-dir.js'
import { besideTraffic } from '../support/server/traffic.js'

vi.setConfig({ testTimeout: 300_000 })

const OURS = Array.from({ length: 600 }, (_, n) => record(n))
const THERE = OURS.filter((_, n) => n % 2 === 0)
const ACKNOWLEDGED = OURS.slice(0, 400)
const HUNDREDS = [0, 1, 2, 3, 4, 5].map((i) => OURS.slice(100 * i, 100 * (i + 1)))
const INSERT = ['--publish', 'insert'] as const

const RAW_SQL = `SELECT count() AS rows, sum(cityHash64(*)) AS hash, sum(reinterpretAsUInt64(cost_usd)) AS bits
  FROM obleth.usage`
const COSTS_SQL = `SELECT concat(toString(day), ' ', toString(tenant_id), ' ', toString(key_id), ' ', model) AS key,
  sum(cost_usd_sum) AS cost, sum(energy_wh_sum) AS wh FROM obleth.usage_daily GROUP BY key ORDER BY key`

let dir: ServerDir

/** What a move makes of the same files. */
let moved: Awaited<ReturnType<typeof dir.sql>>

beforeAll(async () => {
  dir = await ServerDir.start('UTC', CLUSTER)
  await fresh('MergeTree')
  const ran = await dir.replay()
  expect(ran.code, ran.output).toBe(0)
  moved = await dir.sql(RAW_SQL, COSTS_SQL)
})
afterAll(() => dir.remove())

/** An empty ledger of that engine, and the files. */
async function fresh(engine: Engine): Promise<void> {
  await dir.empty()
  await dir.sql(...ledgerOf(engine))
  dir.files.write(SEGMENT, segment(HUNDREDS))
}

const warningsOf = (ran: ServerRan, name: string) => ran.document.warnings.filter((warning) => warning.class === name)

describe.each(ENGINES)('replay --publish insert into a %s', (engine) => {
  beforeEach(() => fresh(engine))

  async function expectAsMoved(ran: ServerRan, inserted: number): Promise<void> {
    expect([ran.code, ran.document.rollup, ran.document.records.inserted], ran.output).toEqual([
      0,
      'consistent',
      inserted,
    ])
    await expectLedger(dir, OURS)
    const [raw, costs] = await dir.sql(RAW_SQL, COSTS_SQL)
    expect(raw).toEqual(moved[0])
    expect(costs.map(({ key }) => key)).toEqual(moved[1].map(({ key }) => key))
    for (const [i, { cost, wh }] of costs.entries())
      for (const [is, was] of [
        [cost, moved[1][i].cost],
        [wh, moved[1][i].wh],
      ])
        expect(Math.abs(Number(is) - Number(was))).toBeLessThanOrEqual(1e-9 * Number(was))
  }

  it('fills an empty ledger as a move would, and finds nothing new the next time', async () => {
    await expectAsMoved(await dir.replay(...INSERT), 600)
    await expectAsMoved(await dir.replay(...INSERT), 0)
  })

  it('fills up one that has half of it', async () => {
    await dir.sql(insertOf(THERE))
    await expectAsMoved(await dir.replay(...INSERT), 300)
  })

  it('does nothing where usage_daily has counted what it would insert, unless it may correct it', async () => {
    const behind = engine === 'Distributed' ? 'obleth.usage_local' : 'obleth.usage'
    await dir.sql(...HUNDREDS.slice(0, 4).map(insertOf), `TRUNCATE TABLE ${behind}`)
    dir.files.write(`${SEGMENT}.offset`, String(segment(HUNDREDS.slice(0, 4)).length))
    const refused = await dir.replay(...INSERT)
    expect([refused.code, refused.document.error?.code], refused.output).toEqual([5, 'refused'])
    expect(refused.output).toMatch(/--publish move.*--repair-rollup/)
    expect(await dir.sql('SELECT count() AS rows FROM obleth.usage')).toEqual([[{ rows: '0' }]])
    expect(await dir.sql('SELECT sum(requests) AS n FROM obleth.usage_daily')).toEqual([
      [{ n: String(ACKNOWLEDGED.length) }],
    ])
    await expectAsMoved(await dir.replay(...INSERT, '--repair-rollup'), 600)
  })

  it('goes through every view, and says so', async () => {
    const usage = engine === 'Distributed' ? 'obleth.usage_local' : 'obleth.usage'
    await dir.sql(
      'CREATE TABLE obleth.per_model (model String, n UInt64) ENGINE = SummingMergeTree ORDER BY model',
      `CREATE MATERIALIZED VIEW obleth.finance_mv TO obleth.per_model AS SELECT model, count() AS n FROM ${usage} GROUP BY model`,
    )
    const planned = await dir.run([...INSERT, '--dry-run'])
    const { plan } = planned.document as unknown as { plan: { steps: string[]; notes: string[] } }
    expect(plan.steps.join()).toMatch(/insert the rest block by block through the views/)
    expect(plan.notes.join()).toContain('obleth.finance_mv')
    const ran = await dir.replay(...INSERT)
    await expectAsMoved(ran, 600)
    expect(warningsOf(ran, 'other_views').map(({ message }) => message)).toEqual([
      expect.stringMatching(/will see what is published.*obleth\.finance_mv/),
    ])
    expect(await dir.sql('SELECT sum(n) AS rows FROM obleth.per_model')).toEqual([[{ rows: '600' }]])
  })

  it('is not disturbed by other records that come in', async () => {
    let nextId = 10_000
    await dir.sql(insertOf(THERE))
    const { outcome: ran, others } = await besideTraffic(
      dir,
      () => Array.from({ length: 7 }, () => record(nextId++)),
      () => dir.replay(...INSERT),
    )
    expect([ran.code, ran.document.rollup, ran.document.records.inserted], ran.output).toEqual([0, 'consistent', 300])
    expect(others.length).toBeGreaterThan(14)
    await expectLedger(dir, [...OURS, ...others])
  })

  it.runIf(engine !== 'MergeTree')('is the only way, and the refusal names it', async () => {
    const ran = await dir.replay()
    expect([ran.code, ran.document.error?.code], ran.output).toEqual([5, 'refused'])
    expect(ran.output).toMatch(/--publish insert/)
    expect(await dir.sql('SELECT count() AS rows FROM obleth.usage')).toEqual([[{ rows: '0' }]])
  })

  it(`can be undone: ${engine !== 'Distributed'}`, async () => {
    await dir.sql(insertOf(THERE))
    const { document } = await dir.replay(...INSERT)
    const undo = () => dir.command(['runs', 'undo', document.runId, '--yes'])
    const ran = await undo()
    if (engine === 'Distributed') {
      expect([ran.code, ran.document.error?.code], ran.output).toEqual([5, 'refused'])
      expect(ran.output).toContain('usage_replay_ids')
      return await expectLedger(dir, OURS)
    }
    expect(ran.code, ran.output).toBe(0)
    await expectLedger(dir, THERE)
    await expectAsMoved(await dir.replay(...INSERT), 300)
  })
})
