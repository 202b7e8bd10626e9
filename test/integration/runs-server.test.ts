import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { insertOf, record, SEGMENT, segment } from '../support/records.js'
import { expectLedger } from '../support/server/expect-ledger.js'
import { killAfter } from '../support/server/kill-statement.js'
import { ServerDir, type ServerRan } from '../support/server/server-dir.js'
import { besideTraffic } from '../support/server/traffic.js'

vi.setConfig({ testTimeout: 300_000 })

const OURS = Array.from({ length: 600 }, (_, n) => record(n))
const THERE = OURS.filter((_, n) => n % 2 === 0)

let dir: ServerDir
let runId: string
let nextId = 10_000

beforeAll(async () => {
  dir = await ServerDir.start()
})
afterAll(() => dir.remove())
beforeEach(async () => {
  await dir.empty()
  await dir.replayNothing()
  await dir.sql(insertOf(THERE))
  dir.files.write(SEGMENT, segment([OURS]))
  const ran = await dir.replay()
  expect(ran.document.records.inserted, ran.output).toBe(300)
  runId = ran.document.runId
})

const another = (size: number) => Array.from({ length: size }, () => record(nextId++))
const undo = (...args: string[]) => dir.command(['runs', 'undo', runId, ...args])
const removed = ({ document }: ServerRan) => (document as unknown as { undone: { removed: number } }).undone.removed

it('undo restores rows and rollup while other traffic goes on', async () => {
  const { outcome: ran, others } = await besideTraffic(
    dir,
    () => another(7),
    () => undo('--yes'),
  )
  expect([ran.code, removed(ran)], ran.output).toEqual([0, 300])
  expect(others.length).toBeGreaterThan(14)
  await expectLedger(dir, [...THERE, ...others])
})

it.each([
  ['its lock', /CREATE TABLE .*usage_replay_lock/s, 0],
  ['a plan', /INSERT INTO .*usage_replay_plan/s, 1],
  ['the step of a plan', /INSERT INTO .*usage_replay_steps/s, 0],
  ['a removal', /DELETE IN PARTITION/, 0],
  ['a correction of the rollup', /INSERT INTO .*`usage_daily`/s, 0],
  ['the step of a day', /INSERT INTO .*usage_replay_steps/s, 2],
  ['forgetting its ids', /ALTER TABLE .*usage_replay_ids/s, 0],
])('undo goes on when it was killed after %s', async (_, statement, n) => {
  await killAfter(dir, ['runs', 'undo', runId, '--yes'], statement, n)
  const ran = await undo('--yes')
  expect([ran.code, removed(ran)], ran.output).toEqual([0, 300])
  // The replays' own folders are there; those of the killed one are gone.
  expect(readdirSync(dir.files.state).filter((name) => !/^[0-9a-f]{16}$/.test(name))).toEqual([])
  await expectLedger(dir, THERE)
  const again = await dir.replay()
  expect(again.document.records.inserted, again.output).toBe(300)
  await expectLedger(dir, OURS)
})

it('a half undone run keeps every replay out', async () => {
  await killAfter(dir, ['runs', 'undo', runId, '--yes'], /DELETE IN PARTITION/, 0)
  dir.files.write(SEGMENT, segment([OURS, another(3)]))
  const refused = await dir.replay()
  expect([refused.code, refused.document.error?.message], refused.output).toEqual([11, expect.stringMatching(runId)])
  expect((await undo('--yes')).code).toBe(0)
  expect((await dir.replay()).document.records.inserted).toBe(303)
})

it('a server is not changed unasked', async () => {
  const ran = await undo()
  expect([ran.code, ran.document.error?.message], ran.output).toEqual([5, expect.stringMatching('--yes')])
  await expectLedger(dir, OURS)
})
