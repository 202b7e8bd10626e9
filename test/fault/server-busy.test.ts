import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Misfortune } from '../support/server/busy-proxy.js'
import { BusyScene, MISFORTUNES, REPLAY_STATEMENTS } from '../support/server/busy-scene.js'

vi.setConfig({ testTimeout: 600_000 })

let scene: BusyScene
beforeAll(async () => {
  scene = await BusyScene.make()
})
afterAll(() => scene.remove())

describe('a replay into a busy server', () => {
  beforeEach(() => scene.halfFilled())

  describe.each(REPLAY_STATEMENTS)('goes on by itself where %s', (_, kind, skip = 0) => {
    it.each(MISFORTUNES)('%s', async (__, misfortune) => {
      const { ran } = await scene.replay(kind, misfortune, { skip })
      expect(ran.stderr).toMatch(/attempt 2 of 8/)
      await scene.expectReplayed(ran)
    })
  })

  const passing: [Misfortune][] = [
    ...[159, 202, 209, 210, 242, 252, 999].map((code): [Misfortune] => [{ code }]),
    ...[408, 429, 502, 503, 504].map((status): [Misfortune] => [{ status, retryAfter: '0' }]),
    ['refused'],
  ]
  describe.each([
    ['a block', /INSERT INTO .*usage_replay_r[0-9a-f]{12}` .*FORMAT Native/s],
    ['a move', /MOVE PARTITION/],
  ])('goes on by itself where %s', (_, kind) => {
    it.each(passing)('is answered %o, three times', async (misfortune) => {
      const { ran } = await scene.replay(kind, misfortune, { times: 3 })
      expect(ran.stderr).toMatch(/attempt 4 of 8/)
      await scene.expectReplayed(ran)
    })
  })

  it.each<[string, RegExp, Misfortune, number]>([
    ['a block', /INSERT INTO .*FORMAT Native/s, { code: 241 }, 1],
    ['the lock', /CREATE TABLE .*usage_replay_lock/, { status: 503 }, 13],
    ['a correction of the rollup', /INSERT INTO .*`usage_daily`/s, 'refused', 13],
    ['a plan', /INSERT INTO .*usage_replay_plan/s, { code: 202 }, 13],
  ])('ends where %s always fails, and goes on when it is told to', async (_, kind, misfortune, code) => {
    const { ran, met, again } = await scene.replay(kind, misfortune, { times: 8 })
    expect(ran.code, ran.output).toBe(code)
    expect(met).toHaveLength(8)
    expect(ran.output).toMatch(/run the same command again/)
    await scene.expectReplayed(await again())
  })
})
