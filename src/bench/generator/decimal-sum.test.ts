import { expect, test } from 'vitest'
import { DecimalSum } from './decimal-sum.js'

function sum(...texts: string[]): string {
  const total = new DecimalSum()
  for (const text of texts) total.add(text)
  return total.toString()
}

test('adds decimals without rounding', () => {
  expect(sum()).toBe('0')
  expect(sum('0.0')).toBe('0')
  expect(sum('0.1', '0.2')).toBe('0.3')
  expect(sum('1e-7', '0.0009327', '12.0')).toBe('12.0009328')
  expect(sum('0.30000000000000004', '1.2e3')).toBe('1200.30000000000000004')
  expect(sum('1e16', '1e-20')).toBe('10000000000000000.00000000000000000001')
  expect(sum('0.5', '-0.75')).toBe('-0.25')
  expect(sum('0.5', '-0.5')).toBe('0')
  expect(sum('100.0')).toBe('100')
})
