import { afterAll, describe, expect, it } from 'vitest'
import { killCollect } from '../support/collect-kills.js'
import { withoutStrace } from '../support/kill-rename.js'

const SEEDS = Array.from({ length: 20 }, (_, i) => 4001 + i)

describe.each(['a folder', 'a bucket'] as const)('a collect into %s that is killed', (kind) => {
  const missing = kind === 'a folder' ? withoutStrace() : null
  it.skipIf(missing !== null).each(SEEDS)('and run again ends as an undisturbed one (seed %i)', async (seed) => {
    ran++
    if (await killCollect(kind, seed, false)) kills++
  })
  it.skipIf(missing !== null).each(SEEDS)('is proven also where its pods are gone by then (seed %i)', async (seed) => {
    ran++
    if (await killCollect(kind, seed, true)) kills++
  })

  let ran = 0
  let kills = 0
  afterAll(() => {
    // Else the moments are drawn from more than there are.
    expect(kills).toBeGreaterThanOrEqual(0.8 * ran)
  })
})
