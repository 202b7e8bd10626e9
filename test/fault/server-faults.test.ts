import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FaultGround } from '../support/server/fault-run.js'

/** More of them, or others: FAULT_SEEDS=from..to. */
const [from, to] = (process.env.FAULT_SEEDS ?? '1..300').split('..').map(Number)
const SEEDS = Array.from({ length: to - from + 1 }, (_, n) => from + n)

describe('a replay into a server, through faults and kills at random', () => {
  let ground: FaultGround
  beforeAll(async () => {
    ground = await FaultGround.make()
  })
  afterAll(async () => {
    await ground.remove()
    const counts = [...ground.counts].sort((a, b) => b[1] - a[1]).map(([kind, count]) => `  ${count} × ${kind}`)
    process.stdout.write(`faults in ${SEEDS.length} runs:\n${counts.join('\n')}\n`)
  })

  it.each(SEEDS)('ends as an undisturbed one (seed %i)', (seed) => ground.run(seed))

  it('met every kind of fault', () => {
    if (SEEDS.length >= 100) expect(ground.counts.size).toBe(13)
  })
})
