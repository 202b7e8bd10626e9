import { expect } from 'vitest'
import { replaySignalled, seeded } from './kill-run.js'
import { type KillGround, stateOf } from './kill-scenarios.js'

const MOST_KILLS = 4

/**
 * Kills the replay at up to four moments that the seed determines, each anywhere in the time that an undisturbed run
 * takes, and starts it again each time; then lets it finish. A first kill that comes too late is drawn anew, on a fresh
 * ledger, so that each seed disturbs a run. Prints the moments. Returns how many kills met a living process.
 */
export async function killAtRandom(ground: KillGround, seed: number): Promise<number> {
  const random = seeded(seed)
  const told: string[] = []
  let dir = ground.fresh()
  let hits = 0
  try {
    const kills = 1 + Math.floor(random() * MOST_KILLS)
    for (let kill = 0; kill < kills; kill++) {
      const afterMs = Math.round(random() * ground.durationMs)
      const { code, signal, stderr } = await replaySignalled(dir, 'SIGKILL', afterMs)
      told.push(`${afterMs}${signal === null ? ' (ended before)' : ''}`)
      if (signal !== null) {
        hits++
        // The run had ended but for its tidying up: another start would be another run, which inserts nothing.
        if (stateOf(dir) === 'published') break
        continue
      }
      expect(code, stderr).toBe(ground.scenario.code)
      // The run has ended: a further start would be another run, which inserts nothing.
      if (hits > 0) break
      dir.remove()
      dir = ground.fresh()
      kill--
    }
    ground.expectRecovery(dir)
    return hits
  } finally {
    process.stdout.write(`seed ${seed}, ${ground.scenario.name}: killed after ms ${told.join(', ')}\n`)
    dir.remove()
  }
}
