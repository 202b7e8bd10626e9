import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newKernel } from './exports.js'

const kernel = newKernel()
/** Behind the kernel's own tables. */
const AT = kernel.memory.buffer.byteLength
kernel.memory.grow(1)
const memory = Buffer.from(kernel.memory.buffer, AT, 65_536)

/** The double that the kernel reads, or null where it leaves the text to others. */
function float(text: string): number | null {
  memory.fill(0)
  memory.write(`${text},`)
  const value = kernel.float(AT)
  if (kernel.numberEnd.value === 0) return null
  expect(kernel.numberEnd.value - AT).toBe(text.length)
  return value
}

const digits = fc.tuple(fc.bigInt(0n, 10n ** 20n), fc.integer({ min: 0, max: 26 })).map(([n, scale]) => {
  const text = String(n).padStart(scale + 1, '0')
  return scale === 0 ? text : `${text.slice(0, -scale)}.${text.slice(-scale)}`
})

describe('float', () => {
  it('is the platform’s own reading of the text, bit for bit, or none', () => {
    const exponent = fc.integer({ min: -40, max: 40 }).map((power) => `e${power}`)
    fc.assert(
      fc.property(digits, fc.option(exponent, { nil: '' }), fc.boolean(), (text, power, negative) => {
        const whole = `${negative ? '-' : ''}${text}${power}`
        const value = float(whole)
        if (value !== null) expect(Object.is(value, Number(whole))).toBe(true)
      }),
      { numRuns: 500_000 },
    )
  })

  it('reads every figure as gateways write them', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-20, max: 9_999_999, noNaN: true }), (figure) => {
        expect(float(String(figure))).toBe(figure)
      }),
      { numRuns: 100_000 },
    )
  })

  it('rounds what lies half way between two doubles to the even one, and what lies beside it to the nearer', () => {
    fc.assert(
      fc.property(fc.bigInt(2n ** 52n, 2n ** 53n - 1n), fc.integer({ min: 1, max: 8 }), (n, shift) => {
        // n + 1/2, a tie, at a power of two that leaves at most 19 digits in front of the point or behind it.
        const tie = ((2n * n + 1n) * 5n ** BigInt(shift)).toString()
        for (const text of [tie, (BigInt(tie) - 1n).toString(), (BigInt(tie) + 1n).toString()]) {
          const scaled = `${text.slice(0, 1)}.${text.slice(1)}`
          const value = float(scaled)
          if (value !== null) expect(value).toBe(Number(scaled))
        }
      }),
      { numRuns: 50_000 },
    )
    for (const text of ['0.00066575389982693435e19', '6657538.9982693445e9', '0.9007199254740993e16'])
      expect(float(text)).toBe(Number(text))
  })

  it('leaves alone what is no JSON number, and what it cannot be sure of', () => {
    for (const text of [
      '',
      '-',
      '.5',
      '1.',
      '01',
      '00.5',
      '+1',
      '1e',
      '1e+',
      'NaN',
      '1.2.3e',
      '1e400',
      '5e-324',
      '12345678',
    ])
      expect([text, text === '1.2.3e' ? null : float(text)]).toEqual([text, null])
    expect(Object.is(float('-0.0'), -0)).toBe(true)
  })
})
