import { afterAll, beforeAll, describe, it } from 'vitest'
import { killAtRandom } from '../support/kill-random.js'
import { KillGround, SCENARIOS } from '../support/kill-scenarios.js'

describe.each([
  { seed: 31, scenario: SCENARIOS[0] },
  { seed: 17, scenario: SCENARIOS[1] },
  { seed: 53, scenario: SCENARIOS[2] },
])('a replay killed at random, into $scenario.name', ({ seed, scenario }) => {
  let ground: KillGround
  beforeAll(() => {
    ground = new KillGround(scenario)
  })
  afterAll(() => ground.remove())

  it(`ends as an undisturbed one (seed ${seed})`, async () => {
    await killAtRandom(ground, seed)
  })
})
