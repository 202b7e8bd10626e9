import { describe, expect, test } from 'vitest'
import { f64Text, stringText } from './serde-text.js'

describe('f64Text', () => {
  // Right-hand sides: the layout rules of ryu's pretty printer, which serde_json uses, applied by hand.
  test.each([
    [0, '0.0'],
    [-0, '-0.0'],
    [12, '12.0'],
    [-3, '-3.0'],
    [0.1, '0.1'],
    [0.0009327, '0.0009327'],
    [0.00001234, '0.00001234'],
    [0.00001, '0.00001'],
    [0.00000999, '9.99e-6'],
    [0.000001, '1e-6'],
    [1e-7, '1e-7'],
    [1.2e-7, '1.2e-7'],
    [0.1 + 0.2, '0.30000000000000004'],
    [1e15, '1000000000000000.0'],
    [2 ** 53, '9007199254740992.0'],
    [9999999999999998, '9999999999999998.0'],
    [1e16, '1e16'],
    [1.2345e16, '1.2345e16'],
    [1e21, '1e21'],
    [1.7976931348623157e308, '1.7976931348623157e308'],
    [5e-324, '5e-324'],
    [Number.NaN, 'null'],
    [Number.NEGATIVE_INFINITY, 'null'],
  ])('%d is written %s', (value, text) => {
    expect(f64Text(value)).toBe(text)
  })

  test('reads back as the same double', () => {
    for (let exponent = -320; exponent < 308; exponent += 7) {
      const value = 1.2345678901234567 * 10 ** exponent
      expect(Number(f64Text(value))).toBe(value)
    }
  })
})

test('stringText escapes only what serde_json escapes', () => {
  expect(stringText('a"b\\c\n\t\u0001\u001f\u007f é \u2028 😀/')).toBe(
    '"a\\"b\\\\c\\n\\t\\u0001\\u001f\u007f é \u2028 😀/"',
  )
})
