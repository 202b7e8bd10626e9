import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Sums } from '../domain/rollup.js'
import { decideSurplus, driftAfterRepair } from './repair-rule.js'

const sums = (requests: number, tokens: number): Sums => ({ integers: [BigInt(requests), BigInt(tokens)], floats: [] })

describe('what became of surplus rows in the rollup', () => {
  it.each([
    ['a sound rollup counted them', sums(0, 0), undefined, 'counted'],
    ['a rollup that is lower by them did not', sums(-2, -70), undefined, 'uncounted'],
    ['what a run left there on purpose is sound', sums(5, 90), sums(5, 90), 'counted'],
    ['lower by them than what a run left', sums(3, 20), sums(5, 90), 'uncounted'],
    ['equal requests and other tokens explain nothing', sums(-2, -71), undefined, 'unproven'],
    ['some counted and some not', sums(-1, -30), undefined, 'unproven'],
    ['a drift of another cause', sums(4, 4), undefined, 'unproven'],
    ['both explanations at once', sums(0, 0), sums(2, 70), 'unproven'],
  ] as const)('%s', (_, drift, left, decision) => {
    expect(decideSurplus(drift, sums(2, 70), left)).toBe(decision)
  })

  it('benchmark rows leave the rollup alone, whatever its drift', () => {
    expect(decideSurplus(sums(9, 9), sums(0, 0), undefined)).toBe('uncounted')
    expect(driftAfterRepair(sums(9, 9), sums(0, 0), 'uncounted').integers).toEqual([9n, 9n])
  })

  it('takes no more out of the rollup than the surplus, and only where that is proven', () => {
    const amount = fc.integer({ min: -50, max: 50 })
    const surplus = fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 50 }))
    fc.assert(
      fc.property(amount, amount, surplus, fc.option(fc.tuple(amount, amount)), (a, b, extra, leftBy) => {
        const drift = sums(a, b)
        const out = sums(...extra)
        const decision = decideSurplus(drift, out, leftBy === null ? undefined : sums(...leftBy))
        // R − U after less R − U before, less what U loses: what R loses.
        const lost = driftAfterRepair(drift, out, decision).integers.map(
          (v, i) => drift.integers[i] + out.integers[i] - v,
        )
        expect(lost).toEqual(decision === 'counted' ? out.integers : [0n, 0n])
      }),
    )
  })
})
