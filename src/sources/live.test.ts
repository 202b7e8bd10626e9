import { expect, it } from 'vitest'
import { livePods } from './live.js'

const NOW = 1_750_000_000_000
const MINUTE = 60_000
const trace = (pod: string, modifiedAgo: number, createdAgo: number | null) => ({
  pod,
  modifiedMs: NOW - modifiedAgo,
  createdMs: createdAgo === null ? null : NOW - createdAgo,
})

it.each([
  ['a segment that is being written', [trace('p', 1000, MINUTE)], true],
  ['a segment that was closed two minutes ago and more', [trace('p', 2 * MINUTE, 3 * MINUTE)], false],
  ['a legacy file that was written to just now', [trace('p', 5000, null)], true],
  ['a legacy file of yesterday', [trace('p', 1440 * MINUTE, null)], false],
  ['an old segment with the time of its copying', [trace('p', 1000, 1440 * MINUTE)], false],
  ['copied together with a legacy file', [trace('p', 1000, 1440 * MINUTE), trace('p', 1000, null)], false],
  ['copied from a pod that wrote meanwhile', [trace('p', 1000, 1440 * MINUTE), trace('p', 1000, 30_000)], true],
  ['a clock that is ahead', [trace('p', -MINUTE, null)], true],
])('%s', (_, traces, expected) => {
  expect(livePods(traces, [], NOW).map(({ pod }) => pod)).toEqual(expected ? ['p'] : [])
})

it('names a pod once, with what tells most', () => {
  const traces = [trace('a', 60_000, null), trace('a', 5000, null), trace('b', 999_999, null)]
  expect(livePods(traces, ['a', 'b', 'b'], NOW)).toEqual([
    { pod: 'a', reason: 'written to 5 s ago' },
    { pod: 'b', reason: 'a checkpoint was being written (.offset.tmp)' },
  ])
})
