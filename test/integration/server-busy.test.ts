import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { BusyScene, MISFORTUNES, REPLAY_STATEMENTS } from '../support/server/busy-scene.js'

vi.setConfig({ testTimeout: 600_000 })

let scene: BusyScene
beforeAll(async () => {
  scene = await BusyScene.make()
})
afterAll(() => scene.remove())

/** Each statement meets one misfortune here; `npm run test:fault` goes through all of them. */
describe('a replay into a busy server', () => {
  beforeEach(() => scene.halfFilled())

  it('is what it is when nothing happens', async () => {
    await scene.expectReplayed(await scene.dir.replay())
  })

  const cases = REPLAY_STATEMENTS.map((statement, n) => {
    const [fate, misfortune] = MISFORTUNES[n % MISFORTUNES.length]
    const [what, kind, skip = 0] = statement
    return [what, fate, { kind, skip, misfortune }] as const
  })
  it.each(cases)('goes on by itself where %s %s', async (_, __, { kind, skip, misfortune }) => {
    const { ran } = await scene.replay(kind, misfortune, { skip })
    expect(ran.stderr).toMatch(/trying again in \d+\.\d s, attempt 2 of 8/)
    await scene.expectReplayed(ran)
  })

  it('says what goes on while it waits, and how long a proxy asked it to', async () => {
    const { ran } = await scene.replay(/MOVE PARTITION/, { status: 503, retryAfter: '2' })
    expect(ran.stderr).toMatch(
      /note the ledger cannot be reached: HTTP status 503: not now: trying again in 2\.0 s, attempt 2 of 8/,
    )
    await scene.expectReplayed(ran)
  })

  it('sends a block in smaller pieces where memory ran out, and the next as before', async () => {
    const { ran, met } = await scene.replay(/INSERT INTO .*_evidence` .*FORMAT Native|INSERT INTO .*FORMAT Native/s, {
      code: 241,
    })
    expect(met.map((sql) => /max_insert_block_size = 8192/.test(sql))).toEqual([false, true, false])
    await scene.expectReplayed(ran)
  })

  it.each<[string, RegExp, number]>([
    ['the note about it', /INSERT INTO .*usage_replay_steps/s, 0],
    ['a removal of its records from staging', / DROP PARTITION/, 0],
    ['the last step', /INSERT INTO .*usage_replay_steps/s, 6],
  ])('tells of a day that holds records twice where the answer to %s is lost', async (_, kind, skip) => {
    await scene.double()
    const { ran } = await scene.replay(kind, 'lost', { skip })
    expect([ran.code, ran.document.warnings.filter((warning) => warning.class === 'doubled')], ran.output).toEqual([
      4,
      [expect.objectContaining({ count: 1, message: expect.stringContaining('2026-03-11') })],
    ])
  })

  it('ends in the end, says what to do, and goes on when it is told to', async () => {
    const { ran, again } = await scene.replay(/MOVE PARTITION/, { status: 502 }, { times: 8 })
    expect([ran.code, ran.document.error?.code], ran.output).toEqual([13, 'target_unreachable'])
    expect(ran.stderr).toMatch(/attempt 8 of 8/)
    expect(ran.output).toMatch(/run the same command again/)
    await scene.expectReplayed(await again())
  })
})
