import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { bothSides, counted, ENGINE, pointsOf, SCHEMA } from '../support/kill-counts.js'
import { untilInTime, withoutStrace } from '../support/kill-rename.js'
import { KillGround, SCENARIOS } from '../support/kill-scenarios.js'
import { killServerAt, renamesOf } from '../support/server/kill-server.js'
import { replayOf } from '../support/server/server-commands.js'

const missing = withoutStrace()

describe.each([
  // What an empty ledger has of its own; the rest of its way is that of the other.
  { scenario: SCENARIOS[0], counts: { ...ENGINE, ...SCHEMA }, points: { ...SCHEMA, 'insert usage_daily': 3 } },
  { scenario: SCENARIOS[1], counts: ENGINE, points: ENGINE },
])('a replay whose server is killed at each rename, into $scenario.name', ({ scenario, counts, points }) => {
  let ground: KillGround
  beforeAll(() => {
    if (missing === null) ground = new KillGround(scenario)
  })
  afterAll(() => ground?.remove())
  beforeEach(({ skip }) => {
    if (missing !== null) skip(missing)
  })

  it('makes the renames that are listed, and no others', async () => {
    expect(counted(await renamesOf(replayOf(ground)))).toEqual(counts)
  })

  it.each(bothSides(pointsOf(points)))('($when $kind, $nth) ends as an undisturbed one', async (point) => {
    await untilInTime((holdMs) => killServerAt(replayOf(ground), [point], holdMs))
  })
})
