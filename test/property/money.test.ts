import { Decimal } from 'decimal.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Money } from '../../src/domain/money.js'

// decimal.js with more digits than any sum here can have is the reference: it never rounds then.
const Exact = Decimal.clone({ precision: 1_500, toExpNeg: -1e9, toExpPos: 1e9, rounding: Decimal.ROUND_HALF_UP })
const finite = fc.double({ noNaN: true, noDefaultInfinity: true })
const cents = fc.integer({ min: -1e9, max: 1e9 }).map((n) => n / 1e7)
const cost = fc.oneof(finite, cents)

const sumOf = (costs: readonly number[]) => costs.reduce((sum, n) => sum.plus(Money.parse(String(n))), Money.zero)

describe('money', () => {
  it('sums doubles at their shortest decimal form exactly', () => {
    fc.assert(
      fc.property(fc.array(cost, { maxLength: 40 }), (costs) => {
        const expected = costs.reduce((sum, n) => sum.plus(String(n)), new Exact(0))
        expect(sumOf(costs).toString()).toBe(expected.toFixed().replace(/^-0$/, '0'))
      }),
    )
  })

  it('does not depend on the order, nor on how it is cut into subtotals', () => {
    fc.assert(
      fc.property(fc.array(cost, { maxLength: 30 }), fc.nat(), (costs, cut) => {
        const at = costs.length === 0 ? 0 : cut % costs.length
        const turned = [...costs.slice(at), ...costs.slice(0, at)].reverse()
        const whole = sumOf(costs)
        expect(sumOf(turned).toString()).toBe(whole.toString())
        expect(
          sumOf(costs.slice(0, at))
            .plus(sumOf(costs.slice(at)))
            .toString(),
        ).toBe(whole.toString())
        expect(whole.minus(whole).isZero()).toBe(true)
      }),
    )
  })

  it('rounds once, halves away from zero', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          cost,
          fc.integer({ min: -9999, max: 9999 }).map((n) => n / 1000),
        ),
        fc.nat(12),
        (n, digits) => {
          const text = Money.parse(String(n)).round(digits).toFixed()
          expect(text.replace(/^-(0(?:\.0*)?)$/, '$1')).toBe(text)
          expect(text).toBe(new Exact(String(n)).toFixed(digits).replace(/^-(0(?:\.0*)?)$/, '$1'))
        },
      ),
    )
    expect(['0.005', '-0.005', '2.675', '1.0049999'].map((text) => Money.parse(text).round(2).toFixed())).toEqual([
      '0.01',
      '-0.01',
      '2.68',
      '1.00',
    ])
  })

  it('takes a sum many times over', () => {
    fc.assert(
      fc.property(cost, fc.bigInt({ min: 0n, max: 10n ** 12n }), (n, times) => {
        expect(Money.parse(String(n)).times(times).toString()).toBe(
          new Exact(String(n)).times(String(times)).toFixed().replace(/^-0$/, '0'),
        )
      }),
    )
  })

  it('refuses what is no decimal number', () => {
    for (const text of ['', 'nan', 'inf', '1e', '1,5', '0x10', ' 1', '--1', '.5']) {
      expect(() => Money.parse(text)).toThrow(RangeError)
    }
  })
})
