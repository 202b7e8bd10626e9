import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type CrashPoint, replayToRename, withoutStrace } from '../support/kill-rename.js'
import { KillGround, SCENARIOS } from '../support/kill-scenarios.js'

/**
 * How many renames of each kind a run makes: three blocks of records, three days, so three parts of each day; the evidence
 * goes in one block. Merges and
 * the removal of parts are not among them: ClickHouse does those in threads of its own, whenever it likes.
 */
const RUN: Readonly<Record<string, number>> = {
  'create lock': 1,
  'write run.json': 4,
  'create staging': 2,
  'create staging_evidence': 1,
  'create staging_known': 1,
  'insert staging': 9,
  'insert staging_evidence': 1,
  'insert plan': 3,
  'insert ids': 3,
  // The verdicts on batches, then `planned` and `published` of each day, then the end.
  'insert steps': 8,
  'move usage': 9,
  'empty staging': 9,
  'insert usage_daily': 3,
  'drop staging': 1,
  'drop staging_evidence': 1,
  'drop staging_known': 1,
  'drop lock': 1,
}
const SCHEMA = {
  'create database': 1,
  'create usage': 1,
  'create usage_daily': 1,
  'create usage_meta': 1,
  'insert usage_meta': 1,
  'create usage_daily_mv': 1,
  'create ids': 1,
  'create plan': 1,
  'create steps': 1,
}

const pointsOf = (counts: Readonly<Record<string, number>>): CrashPoint[] =>
  Object.entries(counts).flatMap(([kind, count]) => Array.from({ length: count }, (_, i) => ({ kind, nth: i + 1 })))

const missing = withoutStrace()
const inTime = (kind: string) => !/^(merge|delete|mutate|other) /.test(kind)

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
    const made: Record<string, number> = {}
    for (const kind of kinds.filter(inTime)) made[kind] = (made[kind] ?? 0) + 1
    expect(made).toEqual(counts)
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

  it.each(pointsOf({ 'insert steps': 5, 'insert staging_known': 3, 'mutate staging': 9 }))(
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
