import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { insertOf, ROLLUP_SQL, record, rollupOf, SEGMENT, START_MS, segment } from '../support/records.js'
import { type Misfortune, startBusyProxy } from '../support/server/busy-proxy.js'
import { ServerDir, type ServerRan } from '../support/server/server-dir.js'

vi.setConfig({ testTimeout: 300_000 })

const DAY_MS = 86_400_000
/** Three days: of the first some records are in the ledger, of the second all, of the third none. */
const ALL = Array.from({ length: 600 }, (_, n) => record(n, { ts_ms: START_MS + (n % 3) * DAY_MS + n }))
const THERE = ALL.filter((_, n) => n % 3 === 1 || n % 6 === 0)

let dir: ServerDir

beforeAll(async () => {
  dir = await ServerDir.start()
})
afterAll(() => dir.remove())

/** Three days, half filled. */
async function halfFilled(): Promise<void> {
  await dir.empty()
  await dir.replayNothing()
  await dir.sql(insertOf(THERE))
  // Forgets what only this preparation left on both sides.
  dir.clear()
  dir.files.write(SEGMENT, segment([ALL.slice(0, 300), ALL.slice(300)]))
  dir.files.write(`${SEGMENT}.offset`, String(segment([ALL.slice(0, 300)]).length))
}

/** All that must be the same, however the replay fared on its way. */
async function answer(): Promise<unknown> {
  const [[usage], sums, left, [steps]] = await dir.sql(
    'SELECT count() AS rows, uniqExact(request_id) AS ids, sum(cityHash64(*)) AS hash FROM obleth.usage',
    ROLLUP_SQL,
    `SELECT name FROM system.tables WHERE database = 'obleth'
       AND (name = 'usage_replay_lock' OR match(name, '^usage_replay_r[0-9a-z]+'))`,
    `SELECT uniqExact(partition_id, step) AS steps, (SELECT uniqExact(request_id) FROM obleth.usage_replay_ids) AS ids
     FROM obleth.usage_replay_steps`,
  )
  return { usage, rollup: Object.fromEntries(sums.map(({ key, sums: s }) => [key, s])), left, steps }
}

async function expectRight(ran: ServerRan, inserted: number): Promise<void> {
  expect([ran.code, ran.document.rollup, ran.document.records?.inserted], ran.output).toEqual([
    0,
    'consistent',
    inserted,
  ])
  expect(await answer()).toMatchObject({
    usage: { rows: '600', ids: '600' },
    rollup: rollupOf(ALL),
    left: [],
    steps: { ids: String(inserted) },
  })
}

const STAGING = 'usage_replay_r[0-9a-f]{12}`'

/** What it is, how it is known, and how many like it come before. */
const STATEMENTS: [what: string, kind: RegExp, skip?: number][] = [
  ['the marker of the backfill', /INSERT INTO .*usage_meta/],
  ['the lock', /CREATE TABLE .*usage_replay_lock/],
  ['a table of the runs', /CREATE TABLE IF NOT EXISTS .*usage_replay_plan/],
  ['the staging table', new RegExp(`CREATE TABLE .*${STAGING} AS`)],
  ['its settings', /MODIFY SETTING/],
  ['a block', new RegExp(`INSERT INTO .*${STAGING} .*FORMAT Native`, 's')],
  ['a block of evidence', /INSERT INTO .*_evidence` .*FORMAT Native/s],
  ['the step that notes the batches', /INSERT INTO .*usage_replay_steps/s],
  ['a removal of known records', new RegExp(`ALTER TABLE .*${STAGING} DELETE IN PARTITION`, 's')],
  ['a removal of a known day', new RegExp(`ALTER TABLE .*${STAGING} DROP PARTITION`, 's')],
  ['a plan', /INSERT INTO .*usage_replay_plan/s],
  ['the ids', /INSERT INTO .*usage_replay_ids/s],
  ['the step of a plan', /INSERT INTO .*usage_replay_steps/s, 1],
  ['a move', /MOVE PARTITION/],
  ['a correction of the rollup', /INSERT INTO .*`usage_daily`/s],
  ['the step of a day', /INSERT INTO .*usage_replay_steps/s, 2],
  ['the last step', /INSERT INTO .*usage_replay_steps/s, 5],
  ['giving staging back', new RegExp(`DROP TABLE .*${STAGING} SYNC`)],
  ['giving the lock back', /DROP TABLE .*usage_replay_lock/],
]

async function replayThrough(
  kind: RegExp,
  misfortune: Misfortune,
  which: { skip?: number; times?: number } = {},
): Promise<{ ran: ServerRan; met: readonly string[] }> {
  const proxy = await startBusyProxy(dir.server.url, kind, misfortune, which)
  const ran = await dir.run(['--yes'], { url: proxy.url, loud: true })
  await proxy.close()
  expect(proxy.met.length, ran.output).toBeGreaterThan(which.skip ?? 0)
  return { ran, met: proxy.met }
}

describe('a replay into a server', () => {
  beforeEach(halfFilled)

  it('is what it is compared with', async () => {
    await expectRight(await dir.replay(), 300)
  })

  describe.each(STATEMENTS)('where %s', (_, kind, skip = 0) => {
    it.each<[string, Misfortune]>([
      ['meets a memory limit', { code: 241 }],
      ['is done and its answer is lost', 'lost'],
      ['comes late, behind its repetition', 'late'],
    ])('%s goes on by itself', async (__, misfortune) => {
      const { ran } = await replayThrough(kind, misfortune, { skip })
      expect(ran.stderr).toMatch(/trying again in \d+\.\d s, attempt 2 of 8/)
      await expectRight(ran, 300)
    })
  })
})
