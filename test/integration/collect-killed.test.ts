import { describe, it } from 'vitest'
import { killCollect } from '../support/collect-kills.js'
import { withoutStrace } from '../support/kill-rename.js'

/** A few of the moments that test/fault/collect.test.ts has. */
describe.each(['a folder', 'a bucket'] as const)('a collect into %s that is killed', (kind) => {
  const missing = kind === 'a folder' ? withoutStrace() : null

  it.skipIf(missing !== null).each([4003, 4012])('and run again ends as an undisturbed one (seed %i)', async (seed) => {
    await killCollect(kind, seed, false)
  })

  it.skipIf(missing !== null).each([4010, 4017])('is proven also where its pods are gone (seed %i)', async (seed) => {
    await killCollect(kind, seed, true)
  })
})
