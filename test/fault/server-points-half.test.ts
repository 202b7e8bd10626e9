import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest'
import { bothSides, pointsOf } from '../support/kill-counts.js'
import { type CrashPoint, untilInTime, withoutStrace } from '../support/kill-rename.js'
import { KillGround, SCENARIOS } from '../support/kill-scenarios.js'
import { killServerAt } from '../support/server/kill-server.js'
import { replayOf } from '../support/server/server-commands.js'

const missing = withoutStrace()

describe(`a replay whose server is killed while it removes what the ledger has, into ${SCENARIOS[2].name}`, () => {
  let ground: KillGround
  beforeAll(() => {
    if (missing === null) ground = new KillGround(SCENARIOS[2])
  })
  afterAll(() => ground?.remove())
  beforeEach(({ skip }) => {
    if (missing !== null) skip(missing)
  })

  it.each(
    bothSides(
      pointsOf({
        'insert steps': 5,
        'mutation staging': 3,
        'mutate staging': 6,
        'move usage': 6,
        'insert usage_daily': 3,
      }),
    ),
  )('($when $kind, $nth) ends as an undisturbed one', async (point) => {
    await untilInTime((holdMs) => killServerAt(replayOf(ground), [point], holdMs))
  })
})

describe('a replay whose server is killed, and killed again in the recovery', () => {
  const FIRST: readonly CrashPoint[] = [
    { kind: 'insert steps', nth: 1, when: 'before' },
    { kind: 'insert ids', nth: 1, when: 'after' },
    { kind: 'move usage', nth: 1, when: 'after' },
    { kind: 'move usage', nth: 2, when: 'before' },
    { kind: 'empty staging', nth: 2, when: 'after' },
    { kind: 'insert usage_daily', nth: 1, when: 'after' },
  ]
  const AGAIN: readonly CrashPoint[] = [
    { kind: 'insert steps', nth: 1, when: 'after' },
    { kind: 'move usage', nth: 1, when: 'before' },
    { kind: 'move usage', nth: 1, when: 'after' },
    { kind: 'empty staging', nth: 1, when: 'after' },
    { kind: 'insert usage_daily', nth: 1, when: 'after' },
  ]
  let ground: KillGround
  beforeAll(() => {
    if (missing === null) ground = new KillGround(SCENARIOS[3])
  })
  afterAll(() => ground?.remove())
  beforeEach(({ skip }) => {
    if (missing !== null) skip(missing)
  })

  it.each(FIRST.flatMap((first) => AGAIN.map((second) => ({ first, second }))))(
    '($first.when $first.kind $first.nth, then $second.when $second.kind) ends as an undisturbed one',
    async ({ first, second }) => {
      await untilInTime((holdMs) => killServerAt(replayOf(ground), [first, second], holdMs))
    },
  )
})
