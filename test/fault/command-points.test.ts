import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest'
import { bothSides, pointsOf } from '../support/kill-counts.js'
import { untilInTime, withoutStrace } from '../support/kill-rename.js'
import { KillGround, SCENARIOS } from '../support/kill-scenarios.js'
import { killCommandAtRename, killCommandAtStatement } from '../support/server/kill-command.js'
import { replayOf } from '../support/server/server-commands.js'
import { repairing, undoing } from '../support/server/taking-back.js'

const missing = withoutStrace()

/** What a command writes down on the target about itself, and who holds the lock. */
const STATEMENTS: Readonly<Record<string, RegExp>> = {
  steps: /INSERT INTO .*usage_replay_steps/s,
  plan: /INSERT INTO .*usage_replay_plan/s,
  ids: /INSERT INTO .*usage_replay_ids/s,
  'lock taken': /CREATE TABLE .*usage_replay_lock/s,
  'lock given back': /DROP TABLE .*usage_replay_lock/s,
}
const LOCK = { 'lock taken': 1, 'lock given back': 1 }

describe(`a replay into a server, killed at each of its own notes, ${SCENARIOS[1].name}`, () => {
  let ground: KillGround
  beforeAll(() => {
    ground = new KillGround(SCENARIOS[1])
  })
  afterAll(() => ground.remove())

  it.each(bothSides(pointsOf({ steps: 8, plan: 3, ids: 3, ...LOCK })))(
    '($when $kind, $nth) ends as an undisturbed one',
    async ({ kind, nth, when = 'after' }) => {
      await killCommandAtStatement(replayOf(ground), { statement: STATEMENTS[kind], nth, when })
    },
  )

  describe('in its state', () => {
    beforeEach(({ skip }) => {
      if (missing !== null) skip(missing)
    })

    it.each(bothSides(pointsOf({ 'write run.json': 4 })))(
      '($when $kind, $nth) ends as an undisturbed one',
      async (point) => {
        await untilInTime((holdMs) => killCommandAtRename(replayOf(ground), point, holdMs))
      },
    )
  })
})

describe.each([
  { name: 'an undo', make: undoing },
  { name: 'a repair', make: repairing },
])('$name on a server, killed at each of its own notes', ({ make }) => {
  let command: ReturnType<typeof make>
  beforeAll(() => {
    command = make()
  })
  afterAll(() => command.remove())

  it.each(bothSides(pointsOf({ steps: 7, plan: 3, ...LOCK })))(
    '($when $kind, $nth) ends with the ledger as it was',
    async ({ kind, nth, when = 'after' }) => {
      await killCommandAtStatement(command, { statement: STATEMENTS[kind], nth, when })
    },
  )
})
