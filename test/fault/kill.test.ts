import { afterAll, beforeAll, describe, it } from 'vitest'
import { killAtRandom } from '../support/kill-random.js'
import { KillGround, SCENARIOS } from '../support/kill-scenarios.js'

const SEEDS = Array.from({ length: 30 }, (_, i) => 1001 + i)

describe.each(
  SCENARIOS.map((scenario, number) => ({ scenario, seeds: SEEDS.filter((_, i) => i % SCENARIOS.length === number) })),
)('a replay killed at random, into $scenario.name', ({ scenario, seeds }) => {
  let ground: KillGround
  beforeAll(() => {
    ground = new KillGround(scenario)
  })
  afterAll(() => ground.remove())

  it.each(seeds)('ends as an undisturbed one (seed %i)', async (seed) => {
    await killAtRandom(ground, seed)
  })
})
