import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { replayToRename, withoutStrace } from '../support/kill-rename.js'
import { answerOf, KillGround, REPLAY_ARGS, SCENARIOS } from '../support/kill-scenarios.js'
import { insertOf } from '../support/records.js'

/** A few of the crash points that `npm run test:fault` goes through one by one. */
const POINTS = [
  // Staged and verified, not yet publishing.
  { kind: 'write run.json', nth: 2 },
  // Two of an insert's three days are in staging.
  { kind: 'insert staging', nth: 2 },
  // A plan without its `planned` step.
  { kind: 'insert ids', nth: 1 },
  // One of a day's two parts is in both tables, the other is in staging alone.
  { kind: 'move usage', nth: 1 },
  // A day is in `usage`, and a part of it is gone from staging.
  { kind: 'empty staging', nth: 1 },
  // The difference is in the rollup, and nothing says so.
  { kind: 'insert usage_daily', nth: 1 },
  // All is published, the state does not say so yet, and the staging table is gone.
  { kind: 'drop staging', nth: 1 },
]

const missing = withoutStrace()

describe(`a replay killed right after a rename, into ${SCENARIOS[1].name}`, () => {
  let ground: KillGround
  beforeAll(() => {
    if (missing === null) ground = new KillGround(SCENARIOS[1])
  })
  afterAll(() => ground?.remove())
  beforeEach(({ skip }) => {
    if (missing !== null) skip(missing)
  })

  it.each(POINTS)('($kind, $nth) ends as an undisturbed one', async (point) => {
    const dir = ground.fresh()
    try {
      const { kinds, ended } = await replayToRename(dir, point)
      expect(
        kinds.filter((kind) => kind === point.kind),
        ended.stderr,
      ).toHaveLength(point.nth)
      expect(ended.signal ?? ended.code).not.toBe(0)
      if (point.kind === 'move usage') {
        // The kill did hit the middle of the move: some records have arrived, others have not, and most often some stand
        // on both sides; which parts come first is the engine's choice. None is lost.
        const [[{ name }]] = dir.sql("SELECT name FROM system.tables WHERE match(name, '^usage_replay_r[0-9a-f]{12}$')")
        const [[both]] = dir.sql(`SELECT (SELECT count() FROM obleth.usage) AS moved, count() AS staged,
          countIf(request_id IN (SELECT request_id FROM obleth.usage)) AS twice FROM obleth.${name}`)
        expect(Number(both.moved)).toBeGreaterThan(0)
        expect(Number(both.moved)).toBeLessThan(10_000)
        expect(Number(both.staged) + Number(both.moved) - Number(both.twice)).toBe(10_000)
      }
      ground.expectRecovery(dir)
    } finally {
      dir.remove()
    }
  })

  it('is brought to its end although moved records were inserted again meanwhile', async () => {
    const dir = ground.fresh()
    try {
      const { ended } = await replayToRename(dir, { kind: 'empty staging', nth: 1 })
      expect(ended.signal ?? ended.code).not.toBe(0)
      // As a pod would that drains the same batch once more: twice in the raw table, twice in the rollup.
      const [moved] = dir.sql('SELECT toString(request_id) AS id FROM obleth.usage')
      const ids = new Set(moved.map(({ id }) => id))
      const again = SCENARIOS[1].usage.filter(({ request_id }) => ids.has(request_id)).slice(0, 20)
      expect(again).toHaveLength(20)
      dir.sql(insertOf(again))
      const ran = dir.replay(...REPLAY_ARGS)
      ground.expectDone(ran)
      expect(answerOf(dir)).toEqual(ground.undisturbed)
    } finally {
      dir.remove()
    }
  })
})
