import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { bothSides, pointsOf } from '../support/kill-counts.js'
import { untilInTime, withoutStrace } from '../support/kill-rename.js'
import { killServerAt, renamesOf } from '../support/server/kill-server.js'
import { repairing, type TakingBack, undoing } from '../support/server/taking-back.js'

const missing = withoutStrace()

/** A mutation takes over, as clones, all the parts that it does not change; how many there are depends on merges before. */
const UNDO = {
  'create lock': 1,
  'insert plan': 3,
  // `undo_planned` and `undone` of each day, then the end.
  'insert steps': 7,
  'mutation usage': 3,
  'clone usage': 2,
  'mutate usage': 1,
  'empty usage': 6,
  'insert usage_daily': 3,
  'mutation plan': 2,
  'mutation ids': 1,
  'empty ids': 1,
  'drop lock': 1,
}
const REPAIR = {
  'create lock': 1,
  'insert plan': 3,
  'insert steps': 7,
  'mutation usage': 3,
  'clone usage': 2,
  'mutate usage': 3,
  'merge usage': 3,
  'insert usage_daily': 3,
  'mutation plan': 3,
  'drop lock': 1,
}

describe.each([
  { name: 'an undo', make: undoing, counts: UNDO },
  { name: 'a repair', make: repairing, counts: REPAIR },
])('$name whose server is killed at each rename', ({ make, counts }) => {
  let command: TakingBack
  beforeAll(() => {
    if (missing === null) command = make()
  })
  afterAll(() => command?.remove())
  beforeEach(({ skip }) => {
    if (missing !== null) skip(missing)
  })

  it('makes the renames that are listed', async () => {
    const kinds = await renamesOf(command)
    const made = Object.entries(counts).map(([kind, count]) => {
      return [kind, Math.min(kinds.filter((other) => other === kind).length, count)]
    })
    expect(Object.fromEntries(made)).toEqual(counts)
  })

  it.each(bothSides(pointsOf(counts)))('($when $kind, $nth) ends with the ledger as it was', async (point) => {
    await untilInTime((holdMs) => killServerAt(command, [point], holdMs))
  })
})
