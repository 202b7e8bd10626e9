import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { insertOf, record, SEGMENT, segment } from '../support/records.js'
import { expectLedger } from '../support/server/expect-ledger.js'
import { OneAddress } from '../support/server/one-address.js'
import { ServerDir } from '../support/server/server-dir.js'

vi.setConfig({ testTimeout: 300_000 })

// On both sides of a midnight: two partitions.
const OURS = Array.from({ length: 600 }, (_, n) => record(n))
const THERE = OURS.filter((_, n) => n % 2 === 0)
const REPLAY = ['replay', 'pods', '--yes']
const STEP = /INSERT INTO .*usage_replay_steps/s

let dir: ServerDir
let server: OneAddress

beforeAll(async () => {
  dir = await ServerDir.start()
  server = await OneAddress.start(dir)
})
afterAll(async () => {
  await server.close()
  await dir.remove()
})
beforeEach(async () => {
  await dir.empty()
  await dir.replayNothing()
  await dir.sql(insertOf(THERE))
  dir.files.write(SEGMENT, segment([OURS]))
})

/** Kills a replay behind a statement; returns its run. */
async function stopHalfWay(statement: RegExp, n: number): Promise<string> {
  await server.killAfter(REPLAY, statement, n)
  const [[{ run }]] = await dir.sql("SELECT DISTINCT run FROM obleth.usage_replay_steps WHERE step = 'planned'")
  return run
}

const undo = (run: string) => server.command(['runs', 'undo', run, '--yes', '--break-lock'])

async function expectGone(): Promise<void> {
  const [tables] = await dir.sql(
    "SELECT name FROM system.tables WHERE database = 'obleth' AND match(name, '^usage_replay_(r[0-9a-f]|lock)')",
  )
  expect(tables).toEqual([])
}

describe('a run that stopped half way is taken back, and its command begins anew', () => {
  it.each([
    ['the plan of its first day', STEP, 1],
    ['a move', /MOVE PARTITION/, 0],
    ['a correction of the rollup', /INSERT INTO .*`usage_daily`/s, 0],
    ['a published day', STEP, 2],
    ['the move of its last day', /MOVE PARTITION/, 1],
    ['its last published day', STEP, 4],
  ])('killed after %s', async (_, statement, n) => {
    const run = await stopHalfWay(statement, n)
    const ran = await undo(run)
    expect(ran.code, ran.output).toBe(0)
    await expectLedger(dir, THERE)
    await expectGone()
    const again = await server.command(REPLAY)
    expect([again.code, again.document.records.inserted, again.document.rollup], again.output).toEqual([
      0,
      300,
      'consistent',
    ])
    expect(again.document.runId).not.toBe(run)
    await expectLedger(dir, OURS)
  })

  it('where staging lost rows of a day that was planned', async () => {
    const run = await stopHalfWay(STEP, 1)
    await dir.sql(`ALTER TABLE obleth.usage_replay_${run} DROP PARTITION ID '20260310'`)
    const refused = await server.command(REPLAY)
    expect([refused.code, refused.output], refused.output).toEqual([5, expect.stringContaining(`runs undo ${run}`)])
    expect((await undo(run)).code).toBe(0)
    await expectLedger(dir, THERE)
    const again = await server.command(REPLAY)
    expect([again.code, again.document.records.inserted], again.output).toEqual([0, 300])
    await expectLedger(dir, OURS)
  })

  it('where the undo is killed as well, and no replay goes on beside it', async () => {
    const run = await stopHalfWay(/MOVE PARTITION/, 0)
    await server.killAfter(['runs', 'undo', run, '--yes', '--break-lock'], /DELETE IN PARTITION/, 0)
    const refused = await server.command([...REPLAY, '--break-lock'])
    expect([refused.code, refused.output], refused.output).toEqual([11, expect.stringContaining(`runs undo ${run}`)])
    expect((await undo(run)).code).toBe(0)
    await expectLedger(dir, THERE)
    expect((await server.command(REPLAY)).code).toBe(0)
    await expectLedger(dir, OURS)
  })

  it('with other traffic since', async () => {
    const run = await stopHalfWay(/INSERT INTO .*`usage_daily`/s, 0)
    const others = Array.from({ length: 40 }, (_, n) => record(1000 + n))
    await dir.sql(insertOf(others))
    expect((await undo(run)).code).toBe(0)
    await expectLedger(dir, [...THERE, ...others])
  })
})
