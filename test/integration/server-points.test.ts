import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest'
import { type CrashPoint, untilInTime, withoutStrace } from '../support/kill-rename.js'
import { KillGround, SCENARIOS } from '../support/kill-scenarios.js'
import { killCommandAtRename } from '../support/server/kill-command.js'
import { killServerAt } from '../support/server/kill-server.js'
import { replayOf } from '../support/server/server-commands.js'

/** A few of the crash points that `npm run test:fault` goes through one by one. */
const POINTS: readonly CrashPoint[] = [
  // The second insert's first day is about to be in staging; the deduplication token may be remembered already.
  { kind: 'insert staging', nth: 4, when: 'before' },
  // A day is planned, and the command does not know.
  { kind: 'insert steps', nth: 2, when: 'after' },
  // One of a day's two parts is in both tables, the other is in staging alone.
  { kind: 'move usage', nth: 1, when: 'after' },
  // The rollup is about to get what it lacks of the second day.
  { kind: 'insert usage_daily', nth: 2, when: 'before' },
]
/** And the server is killed once more in the recovery. */
const TWICE: readonly CrashPoint[] = [
  { kind: 'empty staging', nth: 2, when: 'before' },
  { kind: 'insert usage_daily', nth: 1, when: 'after' },
]

const missing = withoutStrace()

describe(`a replay into a server, ${SCENARIOS[1].name}`, () => {
  let ground: KillGround
  beforeAll(() => {
    if (missing === null) ground = new KillGround(SCENARIOS[1])
  })
  afterAll(() => ground?.remove())
  beforeEach(({ skip }) => {
    if (missing !== null) skip(missing)
  })

  it.each(POINTS)('whose server is killed right $when ($kind, $nth) ends as an undisturbed one', async (point) => {
    await untilInTime((holdMs) => killServerAt(replayOf(ground), [point], holdMs))
  })

  it('whose server is killed twice ends as an undisturbed one', async () => {
    await untilInTime((holdMs) => killServerAt(replayOf(ground), TWICE, holdMs))
  })

  it('that is killed right before it notes that it publishes ends as an undisturbed one', async () => {
    await untilInTime((holdMs) =>
      killCommandAtRename(replayOf(ground), { kind: 'write run.json', nth: 3, when: 'before' }, holdMs),
    )
  })
})
