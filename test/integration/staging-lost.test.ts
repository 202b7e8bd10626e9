import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { dayOf } from '../../src/ledger/drift.js'
import { insertOf, record, SEGMENT, segment } from '../support/records.js'
import { expectLedger } from '../support/server/expect-ledger.js'
import { OneAddress } from '../support/server/one-address.js'
import { ServerDir } from '../support/server/server-dir.js'

vi.setConfig({ testTimeout: 300_000 })
const OURS = Array.from({ length: 40 }, (_, n) => record(n))
const THERE = OURS.slice(0, 10)

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
  server.befalls = async () => {}
  await dir.empty()
  await dir.replayNothing()
  await dir.sql(insertOf(THERE))
  dir.files.write(SEGMENT, segment([OURS]))
})

const REPLAY = ['replay', 'pods', '--yes']
const replay = () => server.command(REPLAY)
const killAfter = (statement: RegExp, n: number) => server.killAfter(REPLAY, statement, n)

/** What a power loss of the server can do to parts that it had acknowledged and not yet written to disk. */
async function losePart(partition: string): Promise<void> {
  const [[part]] = await dir.sql(
    `SELECT table, name FROM system.parts WHERE active AND database = 'obleth' AND match(table, '^usage_replay_r[0-9a-f]+$')
       AND partition_id = '${partition}'`,
  )
  await dir.sql(`ALTER TABLE obleth.${part.table} DROP PART '${part.name}'`)
}

const STEP = /INSERT INTO .*usage_replay_steps/s
const IDS = /INSERT INTO .*usage_replay_ids/s

it.each([
  ['nothing is planned', STEP, 0, '20260310', 10, 30],
  ['a plan is half written', IDS, 0, '20260310', 10, 30],
  ['another day is planned', STEP, 1, '20260311', 20, 20],
  ['another day is published', STEP, 2, '20260311', 20, 20],
])(
  'what staging loses when %s is noticed, and the same command gets it back',
  async (_, statement, n, lost, rows, left) => {
    await killAfter(statement, n)
    await losePart(lost)
    const ran = await replay()
    expect([ran.code, ran.document.error?.code], ran.output).toEqual([1, 'verification_failed'])
    expect(ran.document.error?.message).toContain(`lost ${rows} records of ${dayOf(lost)}`)
    const again = await replay()
    expect([again.code, again.document.rollup], again.output).toEqual([0, 'consistent'])
    expect(again.document.records.inserted).toBe(left)
    await expectLedger(dir, OURS)
  },
)

it('is not forgotten where the run that noticed it is killed', async () => {
  await killAfter(STEP, 0)
  await losePart('20260310')
  await killAfter(STEP, 0)
  const ran = await replay()
  expect(ran.document.error?.message, ran.output).toContain('lost 10 records of 2026-03-10')
  expect((await replay()).code).toBe(0)
  await expectLedger(dir, OURS)
})

it('what staging loses of a day that is planned is refused: its ids are missing', async () => {
  await killAfter(STEP, 1)
  await losePart('20260310')
  const ran = await replay()
  expect([ran.code, ran.document.error?.code], ran.output).toEqual([5, 'refused'])
  expect(ran.document.error?.message).toContain('10 rows fewer than there should be')
  await expectLedger(dir, THERE)
})

it('records that a pod inserts meanwhile are not taken for lost', async () => {
  const left = [...OURS.slice(10)]
  server.befalls = async (sql, when) => {
    // Between the count of what is known and its removal, and at any other time.
    if (when === 'before' && /usage_replay_/.test(sql) && left.length > 0) await dir.sql(insertOf(left.splice(0, 3)))
  }
  const ran = await replay()
  expect(ran.code, ran.output).toBe(0)
  await expectLedger(dir, OURS)
})
