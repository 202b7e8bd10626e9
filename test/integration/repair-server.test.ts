import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { RepairOutcome } from '../../src/domain/repair.js'
import { insertOf, record, rollupOf, SEGMENT, START_MS, segment, type TestRecord } from '../support/records.js'
import { expectLedger } from '../support/server/expect-ledger.js'
import { killAfter } from '../support/server/kill-statement.js'
import { startProxy } from '../support/server/proxy.js'
import { ServerDir, type ServerRan } from '../support/server/server-dir.js'
import { besideTraffic } from '../support/server/traffic.js'

vi.setConfig({ testTimeout: 300_000 })

/** Both sides of a midnight. */
const OURS = Array.from({ length: 300 }, (_, n) => record(n))

let dir: ServerDir
let nextId = 10_000

beforeAll(async () => {
  dir = await ServerDir.start()
})
afterAll(() => dir.remove())
beforeEach(async () => {
  await dir.empty()
  await dir.replayNothing()
})

const another = (size: number) => Array.from({ length: size }, () => record(nextId++))
const repair = (...args: string[]) => dir.command(['repair', ...args])
const outcomeOf = ({ document }: ServerRan) => document as unknown as RepairOutcome & ServerRan['document']

async function replayed(records: readonly TestRecord[]): Promise<string> {
  dir.files.write(SEGMENT, segment([records]))
  const { code, document, output } = await dir.replay()
  expect([code, document.records.inserted], output).toEqual([0, records.length])
  return document.runId
}

/** Inserts rows into `usage` past the view, as a move does. */
async function past(records: readonly TestRecord[]): Promise<void> {
  await dir.sql(
    'CREATE TABLE obleth.beside AS obleth.usage',
    insertOf(records).replace('INTO obleth.usage', 'INTO obleth.beside'),
  )
  const [days] = await dir.sql('SELECT DISTINCT _partition_id AS id FROM obleth.beside')
  for (const { id } of days) await dir.sql(`ALTER TABLE obleth.beside MOVE PARTITION ID '${id}' TO TABLE obleth.usage`)
  await dir.sql('DROP TABLE obleth.beside SYNC')
}

const doubledRows = async () =>
  (
    await dir.sql('SELECT count() AS rows FROM (SELECT request_id FROM obleth.usage GROUP BY 1 HAVING count() > 1)')
  )[0][0]

describe('rows that a pod inserted again after a replay', () => {
  const drained = OURS.slice(50, 150)

  beforeEach(async () => {
    await replayed(OURS)
    await dir.sql(insertOf(drained.slice(0, 60)), insertOf(drained.slice(60)))
  })

  it('are shown with their size and left where they are by a dry run', async () => {
    const ran = outcomeOf(await repair('--dry-run'))
    expect([ran.status, ran.repaired, ran.removed]).toEqual(['mismatch', false, 0])
    const { days } = ran.found
    expect(days.map(({ day }) => day)).toEqual(['2026-03-10', '2026-03-11'])
    const total = (pick: (day: (typeof days)[number]) => number) => days.reduce((sum, day) => sum + pick(day), 0)
    expect([total((d) => d.records), total((d) => d.copies), total((d) => d.versions)]).toEqual([100, 100, 0])
    expect(total((d) => d.tokens)).toBe(drained.reduce((sum, r) => sum + r.input_tokens + r.output_tokens, 0))
    expect(total((d) => d.costUsd)).toBeCloseTo(
      drained.reduce((sum, r) => sum + r.cost_usd, 0),
      9,
    )
    expect(total((d) => d.rollup.lowered)).toBe(Object.keys(rollupOf(drained)).length)
    expect(await doubledRows()).toEqual({ rows: '100' })
  })

  it('go, and the rollup is lowered with them', async () => {
    const ran = await repair('--yes')
    expect([ran.code, outcomeOf(ran).removed], ran.output).toEqual([0, 100])
    await expectLedger(dir, OURS)
    const again = await repair('--yes')
    expect([again.code, outcomeOf(again).repaired], again.output).toEqual([0, false])
  })

  it('go while other traffic goes on', async () => {
    const { outcome: ran, others } = await besideTraffic(
      dir,
      () => another(7),
      () => repair('--yes'),
    )
    expect([ran.code, outcomeOf(ran).removed], ran.output).toEqual([0, 100])
    expect(others.length).toBeGreaterThan(14)
    await expectLedger(dir, [...OURS, ...others])
  })

  it('are not removed unasked', async () => {
    const ran = await repair()
    expect([ran.code, ran.document.error?.message], ran.output).toEqual([5, expect.stringMatching('--yes')])
    expect(await doubledRows()).toEqual({ rows: '100' })
  })

  it('are found by the next replay, which publishes nothing new to their days', async () => {
    const same = await dir.replay()
    expect([same.code, same.document.status], same.output).toEqual([4, 'mismatch'])
    expect(same.document.warnings).toContainEqual(expect.objectContaining({ class: 'doubled', count: 2 }))

    const more = another(5)
    dir.files.write(SEGMENT, segment([OURS, more]))
    const refused = await dir.replay()
    expect([refused.code, refused.document.error?.message], refused.output).toEqual([
      5,
      expect.stringMatching('more than once on 2026-03-1'),
    ])
    expect((await repair('--yes')).code).toBe(0)
    const ran = await dir.replay()
    expect([ran.code, ran.document.records.inserted], ran.output).toEqual([0, 5])
    await expectLedger(dir, [...OURS, ...more])
  })

  it('stand in the way of an undo until they are repaired', async () => {
    const [[{ run }]] = await dir.sql(
      "SELECT run FROM obleth.usage_replay_steps WHERE step = 'finished' ORDER BY at DESC LIMIT 1",
    )
    const undo = () => dir.command(['runs', 'undo', run, '--yes'])
    expect((await undo()).code).toBe(5)
    expect((await repair('--yes')).code).toBe(0)
    const ran = await undo()
    expect(ran.code, ran.output).toBe(0)
    await expectLedger(dir, [])
  })

  it.each([
    ['its lock', /CREATE TABLE .*usage_replay_lock/s, 0],
    ['its plan', /INSERT INTO .*usage_replay_plan/s, 0],
    ['the step of its plan', /INSERT INTO .*usage_replay_steps/s, 0],
    ['a removal', /DEDUPLICATE/, 0],
    ['a correction of the rollup', /INSERT INTO .*`usage_daily`/s, 1],
    ['the step of a day', /INSERT INTO .*usage_replay_steps/s, 1],
    ['the last step', /INSERT INTO .*usage_replay_steps/s, 4],
  ])('a repair killed after %s goes on', async (_, statement, n) => {
    await killAfter(dir, ['repair', '--yes'], statement, n)
    const ran = await repair('--yes')
    expect(ran.code, ran.output).toBe(0)
    // One that had come to its end is not taken up again.
    if (outcomeOf(ran).repaired)
      expect(readdirSync(dir.files.state).filter((name) => !/^[0-9a-f]{16}$/.test(name))).toEqual([])
    await expectLedger(dir, OURS)
    const more = another(3)
    dir.files.write(SEGMENT, segment([OURS, more]))
    const next = await dir.replay()
    expect([next.code, next.document.records.inserted], next.output).toEqual([0, 3])
  })

  it('a half repaired ledger keeps replays out', async () => {
    await killAfter(dir, ['repair', '--yes'], /DEDUPLICATE/, 0)
    const told = async (...args: string[]) => {
      const { code, document } = await dir.command(['replay', 'pods', '--yes', ...args])
      return [code, document.error?.message]
    }
    expect(await told()).toEqual([11, expect.stringMatching('locked by run repair')])
    expect(await told('--break-lock')).toEqual([11, expect.stringMatching('a repair has begun')])
    expect((await repair('--yes')).code).toBe(0)
    expect((await dir.replay()).code).toBe(0)
    await expectLedger(dir, OURS)
  })

  it('more of them come between any two statements of the repair', async () => {
    const rest = [...OURS]
    const proxy = await startProxy(dir.server.url, async (_, when) => {
      if (when === 'before' && rest.length > 0) await dir.sql(insertOf(rest.splice(0, 15)))
    })
    const ran = await dir.command(['repair', '--yes'], { url: proxy.url })
    await proxy.close()
    expect([rest.length, ran.code], ran.output).toEqual([0, 0])
    await expectLedger(dir, OURS)
  })
})

describe('rows that came past the view', () => {
  it('go, and the rollup stays', async () => {
    await replayed(OURS)
    await past(OURS.slice(100, 140))
    const ran = await repair('--yes')
    expect([ran.code, outcomeOf(ran).removed], ran.output).toEqual([0, 40])
    expect(outcomeOf(ran).found.days.map(({ rollup }) => rollup.lowered)).toEqual([0, 0])
    await expectLedger(dir, OURS)
  })

  it('go together with those that did not, and what nobody can tell apart is left for the user to name', async () => {
    // One group, of which some copies were counted and others not.
    const group = Array.from({ length: 40 }, (_, n) => record(6 * n, { ts_ms: START_MS + n }))
    await replayed(group)
    await dir.sql(insertOf(group.slice(0, 10)))
    await past(group.slice(10, 30))
    const ran = await repair('--yes')
    expect([ran.code, outcomeOf(ran).removed], ran.output).toEqual([4, 30])
    expect(outcomeOf(ran).found.days[0].rollup).toEqual({ lowered: 0, kept: 0, unproven: 1, leftToRun: 0 })
    const { drifted } = outcomeOf(ran).left
    expect(drifted).toEqual([expect.objectContaining({ requests: 10, side: 'higher', leftBy: null })])
    await expectLedger(dir, group, rollupOf([...group, ...group.slice(0, 10)]))

    const wrong = await repair('--yes', '--lower-rollup', drifted[0].group.replace('2026-03-10', '2026-03-11'))
    expect([wrong.code, wrong.document.error?.code], wrong.output).toEqual([2, 'usage'])
    const named = await repair('--yes', '--lower-rollup', drifted[0].group)
    expect([named.code, outcomeOf(named).lowered], named.output).toEqual([0, 1])
    await expectLedger(dir, group)
  })

  it('of benchmarks go like others; the rollup never had them', async () => {
    const benchmarks = OURS.slice(0, 30).map((r) => ({ ...r, request_type: 'benchmark' }))
    await replayed([...benchmarks, ...OURS.slice(30)])
    await dir.sql(insertOf(benchmarks))
    const ran = await repair('--yes')
    expect([ran.code, outcomeOf(ran).removed], ran.output).toEqual([0, 30])
    await expectLedger(dir, [...benchmarks, ...OURS.slice(30)])
  })
})

describe('records with other values under the same id', () => {
  it.each([
    ['the greater value wins, and it came first', 0, 1],
    ['the greater value wins, and it came last', 1, 0],
  ])('%s', async (_, ours, theirs) => {
    const version = (n: number) => OURS.slice(0, 20).map((r) => ({ ...r, output_tokens: r.output_tokens + n }))
    await replayed([...version(ours), ...OURS.slice(20)])
    await dir.sql(insertOf(version(theirs)))
    const ran = await repair('--yes')
    expect([ran.code, outcomeOf(ran).removed], ran.output).toEqual([0, 20])
    expect(outcomeOf(ran).found.days.reduce((sum, { versions }) => sum + versions, 0)).toBe(20)
    await expectLedger(dir, [...version(1), ...OURS.slice(20)])
  })

  it('the later time wins, also beyond midnight', async () => {
    const early = Array.from({ length: 10 }, (_, n) => record(n, { ts_ms: Date.UTC(2026, 2, 10, 23, 59) + n }))
    const late = early.map((r) => ({ ...r, ts_ms: r.ts_ms + 120_000 }))
    await replayed(early)
    await dir.sql(insertOf(late))
    const ran = await repair('--yes')
    expect([ran.code, outcomeOf(ran).removed], ran.output).toEqual([0, 10])
    await expectLedger(dir, late)
    const [rows] = await dir.sql('SELECT toString(ts_ms) AS ms FROM obleth.usage ORDER BY ts_ms')
    expect(rows.map(({ ms }) => Number(ms))).toEqual(late.map(({ ts_ms }) => ts_ms))
  })

  it('free a publish that they stopped', async () => {
    const day = Array.from({ length: 60 }, (_, n) => record(n, { ts_ms: START_MS + n }))
    const other = day.slice(0, 20).map((r) => ({ ...r, output_tokens: 9999 }))
    dir.files.write(SEGMENT, segment([day]))
    let done = false
    const proxy = await startProxy(dir.server.url, async (sql, when) => {
      if (done || when !== 'before' || !/MOVE PARTITION/.test(sql)) return
      done = true
      await dir.sql(insertOf(other))
    })
    const replay = () => dir.run(['--yes'], { url: proxy.url })
    expect((await replay()).code).toBe(5)
    const ran = await repair('--yes')
    expect([ran.code, outcomeOf(ran).found.days[0].rollup.leftToRun], ran.output).toEqual([0, expect.any(Number)])
    const again = await replay()
    await proxy.close()
    expect([again.code, again.document.rollup], again.output).toEqual([0, 'consistent'])
    await expectLedger(dir, [...other, ...day.slice(20)])
  })
})

describe('a rollup that differs for reasons of its own', () => {
  it('keeps its difference where copies go, is raised where asked, and is lowered where it is named', async () => {
    await replayed(OURS)
    // Rows that somebody deleted, which the rollup counts, and rows that came past the view.
    const [gone, unseen] = [OURS.slice(0, 3), OURS.slice(6, 9)]
    const ids = (records: readonly TestRecord[]) => records.map(({ request_id }) => `'${request_id}'`).join(', ')
    await dir.sql(
      `ALTER TABLE obleth.usage DELETE WHERE request_id IN (${ids([...gone, ...unseen])}) SETTINGS mutations_sync = 2`,
    )
    await past(unseen)
    const held = OURS.slice(3)
    await expectLedger(dir, held, rollupOf(OURS))
    const look = outcomeOf(await repair('--dry-run'))
    expect(look.found.days).toEqual([])
    const higher = look.found.drifted.filter(({ side }) => side === 'higher')
    expect(higher.map(({ requests }) => requests)).toEqual(Object.keys(rollupOf(gone)).map(() => expect.any(Number)))
    const named = higher.flatMap(({ group }) => ['--lower-rollup', group])
    const ran = await repair('--yes', ...named)
    expect([ran.code, outcomeOf(ran).lowered], ran.output).toEqual([0, higher.length])
    await expectLedger(dir, held)

    await past(another(5))
    const lower = await repair('--yes', '--repair-rollup')
    expect([lower.code, outcomeOf(lower).raised > 0], lower.output).toEqual([0, true])
  })
})

it('a look leaves no table behind, and what cannot be repaired is named', async () => {
  for (const name of ['steps', 'plan', 'ids']) await dir.sql(`DROP TABLE obleth.usage_replay_${name} SYNC`)
  await dir.sql(insertOf(OURS), insertOf(OURS.slice(0, 10)))
  const ran = await repair('--dry-run')
  expect([ran.code, outcomeOf(ran).found.days.length], ran.output).toEqual([4, 1])
  const [tables] = await dir.sql(
    "SELECT name FROM system.tables WHERE database = 'obleth' AND name LIKE 'usage_replay%'",
  )
  expect(tables).toEqual([])
  expect((await repair('--yes')).code).toBe(0)
  await expectLedger(dir, OURS)
  await dir.sql('DROP TABLE obleth.usage SYNC')
  const none = await repair('--yes')
  expect([none.code, none.document.error?.message], none.output).toEqual([10, expect.stringMatching('no table usage')])
  await dir.sql('CREATE TABLE obleth.usage (request_id UUID, ts_ms Int64) ENGINE = Memory')
  const memory = await repair('--yes')
  expect([memory.code, memory.document.error?.message], memory.output).toEqual([
    5,
    expect.stringMatching('Memory table'),
  ])
})
