import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_DIGITS, nearest, nearestToText } from './decimal.js'

/** head, tail and number of tail digits of a whole number, as the scanner splits it. */
function split(digits: string): [number, number, number] {
  const head = digits.slice(0, 9)
  return [Number(head), Number(digits.slice(9)), digits.length - head.length]
}

describe('nearest', () => {
  it('is the platform’s own reading of the text, or leaves it to that', () => {
    fc.assert(
      fc.property(fc.bigInt(1n, 10n ** BigInt(MAX_DIGITS) - 1n), fc.integer({ min: -40, max: 40 }), (n, exponent) => {
        const value = nearest(...split(String(n)), exponent)
        if (!Number.isNaN(value)) expect(value).toBe(Number(`${n}e${exponent}`))
      }),
      { numRuns: 50_000 },
    )
  })

  it('leaves few of the texts that floats have in records to the slow way', () => {
    const random = (n: number) => (Math.imul(n, 0x9e3779b1) >>> 0) / 2 ** 32
    let slow = 0
    for (let n = 1; n <= 10_000; n++) {
      const [whole, fraction] = String(0.001 + random(n)).split('.')
      const digits = `${whole}${fraction}`.replace(/^0+/, '')
      const value = digits.length > MAX_DIGITS ? Number.NaN : nearest(...split(digits), -fraction.length)
      if (Number.isNaN(value)) slow++
      else expect(value).toBe(0.001 + random(n))
    }
    expect(slow).toBeLessThan(100)
  })

  it('gives up where the answer is half way between two doubles', () => {
    // 2^53 + 1 and 2^54 + 2 lie exactly between two doubles; ties go to the even one.
    for (const tie of ['9007199254740993', '18014398509481986']) {
      const value = nearest(...split(tie), 0)
      if (!Number.isNaN(value)) expect(value).toBe(Number(tie))
    }
    expect(nearestToText(Buffer.from('9007199254740993'), 0, 16)).toBe(9007199254740992)
  })
})
