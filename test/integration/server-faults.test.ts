import { afterAll, beforeAll, describe, it, vi } from 'vitest'
import { FaultGround } from '../support/server/fault-run.js'

vi.setConfig({ testTimeout: 300_000 })

/** A few of the runs of `npm run test:fault`: with kills of both sides, lost answers, and every scenario but the empty ledger. */
describe('a replay into a server, through faults and kills', () => {
  let ground: FaultGround
  beforeAll(async () => {
    ground = await FaultGround.make()
  })
  afterAll(() => ground.remove())

  it.each([2, 4, 5])('ends as an undisturbed one (seed %i)', (seed) => ground.run(seed))
})
