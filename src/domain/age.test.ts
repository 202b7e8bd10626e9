import { expect, it } from 'vitest'
import { age } from './age.js'

it.each([
  [-5000, '0 min'],
  [119 * 60_000, '119 min'],
  [2 * 3_600_000, '2 h'],
  [26.9 * 3_600_000, '26 h'],
  [48 * 3_600_000, '2 d'],
  [200.5 * 86_400_000, '200 d'],
])('%d ms are %s', (ms, told) => {
  expect(age(ms)).toBe(told)
})
