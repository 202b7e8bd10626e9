import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { insertOf, record, SEGMENT, segment } from '../support/records.js'
import { type Misfortune, startBusyProxy } from '../support/server/busy-proxy.js'
import { MISFORTUNES } from '../support/server/busy-scene.js'
import { expectLedger } from '../support/server/expect-ledger.js'
import { ServerDir, type ServerRan } from '../support/server/server-dir.js'

vi.setConfig({ testTimeout: 300_000 })

const OURS = Array.from({ length: 300 }, (_, n) => record(n))
const THERE = OURS.filter((_, n) => n % 3 === 0)
const STEP = /INSERT INTO .*usage_replay_steps/s
/** The same ids with smaller times: versions that lose. */
const OTHERS = OURS.slice(100, 110).map((r) => ({ ...r, ts_ms: r.ts_ms - 1 }))

let dir: ServerDir
beforeAll(async () => {
  dir = await ServerDir.start()
})
afterAll(() => dir.remove())
beforeEach(async () => {
  await dir.empty()
  await dir.replayNothing()
})

/** Each statement meets one misfortune. */
function withMisfortunes(statements: readonly (readonly [what: string, kind: RegExp, skip?: number])[]) {
  return statements.map(([what, kind, skip = 0], n) => {
    const [fate, misfortune] = MISFORTUNES[n % MISFORTUNES.length]
    return [what, fate, { kind, skip, misfortune }] as const
  })
}

async function through(
  args: readonly string[],
  kind: RegExp,
  misfortune: Misfortune,
  which: { skip?: number; times?: number },
): Promise<ServerRan> {
  const proxy = await startBusyProxy(dir.server.url, kind, misfortune, which)
  const ran = await dir.command([...args, '--yes'], { url: proxy.url, loud: true })
  await proxy.close()
  expect(proxy.met.length, ran.output).toBeGreaterThan(which.skip ?? 0)
  expect(ran.stderr).toMatch(/trying again in \d+\.\d s, attempt 2 of 8/)
  return ran
}

async function expectNothingLeft(): Promise<void> {
  const [left] = await dir.sql(`SELECT name FROM system.tables WHERE database = 'obleth'
    AND (name = 'usage_replay_lock' OR match(name, '^usage_replay_r[0-9a-z]+'))`)
  expect(left).toEqual([])
}

describe('an undo on a busy server', () => {
  it.each(
    withMisfortunes([
      ['its lock', /CREATE TABLE .*usage_replay_lock/],
      ['a plan', /INSERT INTO .*usage_replay_plan/s],
      ['the step of a plan', STEP],
      ['a removal', /ALTER TABLE .*`usage` DELETE IN PARTITION/s],
      ['a correction of the rollup', /INSERT INTO .*`usage_daily`/s],
      ['the step of a day', STEP, 2],
      ['forgetting its ids', /ALTER TABLE .*usage_replay_ids. DELETE/s],
      ['its last step', STEP, 4],
      ['giving the lock back', /DROP TABLE .*usage_replay_lock/],
    ]),
  )('goes on by itself where %s %s', async (_, __, { kind, skip, misfortune }) => {
    await dir.sql(insertOf(THERE))
    dir.files.write(SEGMENT, segment([OURS]))
    const { document } = await dir.replay()
    const ran = await through(['runs', 'undo', document.runId], kind, misfortune, { skip })
    expect([ran.code, ran.document], ran.output).toMatchObject([0, { undone: { removed: 200, gone: 0 } }])
    await expectLedger(dir, THERE)
    await expectNothingLeft()
    expect((await dir.replay()).document.records.inserted).toBe(200)
    await expectLedger(dir, OURS)
  })
})

describe('a repair on a busy server', () => {
  it.each(
    withMisfortunes([
      ['a table of the runs', /CREATE TABLE IF NOT EXISTS .*usage_replay_ids/],
      ['its lock', /CREATE TABLE .*usage_replay_lock/],
      ['a plan', /INSERT INTO .*usage_replay_plan/s],
      ['the step of a plan', STEP],
      ['a removal of versions', /ALTER TABLE .*`usage` DELETE IN PARTITION/s],
      ['a removal of copies', /DEDUPLICATE/],
      ['a correction of the rollup', /INSERT INTO .*`usage_daily`/s],
      ['the step of a day', STEP, 1],
      ['forgetting its plan', /ALTER TABLE .*usage_replay_plan. DELETE/s],
      ['giving the lock back', /DROP TABLE .*usage_replay_lock/],
      ['its last step', STEP, 4],
    ]),
  )('goes on by itself where %s %s', async (_, __, { kind, skip, misfortune }) => {
    await dir.sql(insertOf(OURS), insertOf(OURS.slice(0, 50)), insertOf(OTHERS))
    const ran = await through(['repair'], kind, misfortune, { skip })
    expect([ran.code, ran.document], ran.output).toMatchObject([
      0,
      { repaired: true, removed: 60, left: { days: [], drifted: [] } },
    ])
    await expectLedger(dir, OURS)
    await expectNothingLeft()
  })

  it('counts the groups that it raised, also where it is not told so', async () => {
    await dir.sql(insertOf(OURS), 'TRUNCATE TABLE obleth.usage_daily')
    const ran = await through(['repair', '--repair-rollup'], /INSERT INTO .*`usage_daily`/s, 'lost', {})
    expect([ran.code, ran.document], ran.output).toMatchObject([0, { raised: 8, left: { drifted: [] } }])
    await expectLedger(dir, OURS)
  })
})

describe('a discard on a busy server', () => {
  it.each(
    withMisfortunes([
      ['its lock', /CREATE TABLE .*usage_replay_lock/],
      ['dropping a table', /DROP TABLE .*usage_replay_r[0-9a-f]{12}`/],
      ['dropping the other', /DROP TABLE .*_evidence`/],
      ['giving the lock back', /DROP TABLE .*usage_replay_lock/],
    ]),
  )('goes on by itself where %s %s', async (_, __, { kind, skip, misfortune }) => {
    dir.files.write(SEGMENT, segment([OURS]))
    const staged = await dir.replay('--stage-only')
    const ran = await through(['runs', 'discard', staged.document.runId], kind, misfortune, { skip })
    expect(ran.code, ran.output).toBe(0)
    await expectNothingLeft()
    expect((await dir.replay()).document.records.inserted).toBe(300)
    await expectLedger(dir, OURS)
  })
})

it('the schema of an empty server is made through all that befalls it', async () => {
  await dir.sql('DROP DATABASE obleth SYNC')
  dir.clear()
  dir.files.write(SEGMENT, segment([OURS]))
  const ran = await through(
    ['replay', dir.files.pods, '--create-schema'],
    /^CREATE (DATABASE|MATERIALIZED|TABLE IF)/,
    'lost',
    {
      times: 5,
    },
  )
  expect([ran.code, ran.document.rollup], ran.output).toEqual([0, 'consistent'])
  await expectLedger(dir, OURS)
  await expectNothingLeft()
})
