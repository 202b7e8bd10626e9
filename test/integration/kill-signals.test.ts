import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Running, startReplay } from '../support/kill-run.js'
import { answerOf, KillGround, SCENARIOS, stateOf } from '../support/kill-scenarios.js'
import type { LedgerDir } from '../support/ledger-dir.js'

const POLL_MS = 5

/** Sends the signal as soon as the run is in that state. */
async function signalIn(state: string, signal: NodeJS.Signals, dir: LedgerDir, { child, ended }: Running) {
  while (child.exitCode === null && stateOf(dir) !== state) await sleep(POLL_MS)
  child.kill(signal)
  return await ended
}

describe('a replay that is told to stop', () => {
  let ground: KillGround
  let dir: LedgerDir
  beforeAll(() => {
    ground = new KillGround(SCENARIOS[1])
  })
  afterAll(() => ground.remove())
  beforeEach(() => {
    dir = ground.fresh()
  })
  afterEach(() => dir.remove())

  it.each([
    ['SIGINT', 'staging', 130],
    ['SIGTERM', 'staging', 143],
    ['SIGINT', 'publishing', 130],
    ['SIGTERM', 'publishing', 143],
  ] as const)('by %s while %s ends with its own code, says how to go on, and goes on', async (signal, state, code) => {
    const stopped = await signalIn(state, signal, dir, startReplay(dir))
    expect([stopped.code, stopped.signal], stopped.stderr).toEqual([code, null])
    const { error } = JSON.parse(stopped.stdout) as { error: { code: string; hint?: string } }
    expect(error).toMatchObject({ code: 'interrupted', hint: expect.stringContaining('run the same command again') })
    // It gave back what it held: a stop is no crash.
    const left = answerOf(dir)
    expect(left.leftFiles).toEqual([])
    expect(left.leftTables).not.toContain('usage_replay_lock')
    if (state === 'staging') expect(left.usage.rows).toBe('0')
    ground.expectRecovery(dir)
  })

  // The engine is in the middle of one statement or another, and its own clean-up must not trip over it.
  it.each([0, 40, 90, 150, 250])('twice, %i ms into its staging, quits at once, and goes on', async (afterMs) => {
    const running = startReplay(dir)
    const second = sleep(0).then(async () => {
      while (running.child.exitCode === null && stateOf(dir) !== 'staging') await sleep(POLL_MS)
      await sleep(afterMs)
      running.child.kill('SIGINT')
      await sleep(POLL_MS)
      running.child.kill('SIGINT')
    })
    const { code } = await running.ended
    await second
    expect(code).toBe(130)
    ground.expectRecovery(dir)
  })
})
