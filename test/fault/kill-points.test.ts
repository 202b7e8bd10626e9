import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { counted, ENGINE, pointsOf, SCHEMA } from '../support/kill-counts.js'
import { type CrashPoint, replayToRename, withoutStrace } from '../support/kill-rename.js'
import { KillGround, SCENARIOS } from '../support/kill-scenarios.js'

/** Those of the engine, which runs in the command's own process, and of its state. */
const RUN = { ...ENGINE, 'write run.json': 4 }

const missing = withoutStrace()

describe.each([
  { scenario: SCENARIOS[0], counts: { ...RUN, ...SCHEMA } },
  { scenario: SCENARIOS[1], counts: RUN },
])('a replay killed right after each rename, into $scenario.name', ({ scenario, counts }) => {
  let ground: KillGround
  beforeAll(() => {
    if (missing === null) ground = new KillGround(scenario)
  })
  afterAll(() => ground?.remove())
  beforeEach(({ skip }) => {
    if (missing !== null) skip(missing)
  })

  it('makes the renames that are listed here, and no others', async () => {
    const dir = ground.fresh()
    const { kinds, ended } = await replayToRename(dir)
    dir.remove()
    expect(ended.code).toBe(scenario.code)
    expect(counted(kinds)).toEqual(counts)
  })

  it.each(pointsOf(counts))('($kind, $nth) ends as an undisturbed one', async (point) => {
    const dir = ground.fresh()
    const { kinds, ended } = await replayToRename(dir, point)
    expect(
      kinds.filter((kind) => kind === point.kind),
      ended.stderr,
    ).toHaveLength(point.nth)
    ground.expectRecovery(dir)
    dir.remove()
  })
})

describe('a replay whose resumption is killed as well', () => {
  const AGAIN: readonly CrashPoint[] = [
    { kind: 'insert steps', nth: 1 },
    { kind: 'move usage', nth: 1 },
    { kind: 'empty staging', nth: 1 },
    { kind: 'insert usage_daily', nth: 1 },
  ]
  let ground: KillGround
  beforeAll(() => {
    if (missing === null) ground = new KillGround(SCENARIOS[3])
  })
  afterAll(() => ground?.remove())
  beforeEach(({ skip }) => {
    if (missing !== null) skip(missing)
  })

  it.each([...AGAIN, { kind: 'move usage', nth: 2 }].flatMap((first) => AGAIN.map((second) => ({ first, second }))))(
    '($first.kind $first.nth, then $second.kind) ends as an undisturbed one',
    async ({ first, second }) => {
      const dir = ground.fresh()
      for (const point of [first, second]) {
        const { kinds, ended } = await replayToRename(dir, point)
        expect(
          kinds.filter((kind) => kind === point.kind),
          ended.stderr,
        ).toHaveLength(point.nth)
      }
      ground.expectRecovery(dir)
      dir.remove()
    },
  )
})

describe(`a replay killed while it removes what the ledger has, into ${SCENARIOS[2].name}`, () => {
  let ground: KillGround
  beforeAll(() => {
    if (missing === null) ground = new KillGround(SCENARIOS[2])
  })
  afterAll(() => ground?.remove())
  beforeEach(({ skip }) => {
    if (missing !== null) skip(missing)
  })

  it.each(pointsOf({ 'insert steps': 5, 'insert staging_known': 3, 'mutation staging': 3, 'mutate staging': 6 }))(
    '($kind, $nth) ends as an undisturbed one',
    async (point) => {
      const dir = ground.fresh()
      const { kinds, ended } = await replayToRename(dir, point)
      expect(
        kinds.filter((kind) => kind === point.kind),
        ended.stderr,
      ).toHaveLength(point.nth)
      ground.expectRecovery(dir)
      dir.remove()
    },
  )
})
