import { expect, test } from 'vitest'
import type { BenchRound } from '../domain/bench.js'
import { bottleneckOf, mediansOf, projectedMs } from './summary.js'

const INPUT = { records: 6000, bytes: 3_000_000 }

/** Times in ms, in the order of the stages; as many as there are. */
function round(totalMs: number, ...times: number[]): BenchRound {
  const names = ['read', 'decode', 'order', 'stage', 'verify', 'publish'] as const
  return { totalMs, stages: Object.fromEntries(times.map((ms, i) => [names[i], ms])) }
}

const bottleneck = (...times: number[]) => bottleneckOf(mediansOf([round(1, ...times)], INPUT).stages)

test('medians are of each time by itself; shares are of their sum', () => {
  const medians = mediansOf(
    [
      round(900, 10, 400, 90, 300, 50, 150),
      round(700, 30, 300, 100, 100, 40, 200),
      round(800, 20, 500, 80, 200, 60, 100),
    ],
    INPUT,
  )
  // By hand: 20 + 400 + 90 + 200 + 50 + 150 = 910.
  expect(medians).toEqual({
    totalMs: 800,
    recordsPerSecond: 7500,
    bytesPerSecond: 3_750_000,
    stages: [
      { stage: 'read', ms: 20, share: 20 / 910, recordsPerSecond: 300_000, bytesPerSecond: 150_000_000 },
      { stage: 'decode', ms: 400, share: 400 / 910, recordsPerSecond: 15_000, bytesPerSecond: 7_500_000 },
      { stage: 'order', ms: 90, share: 90 / 910, recordsPerSecond: 6_000_000 / 90, bytesPerSecond: 3_000_000_000 / 90 },
      { stage: 'stage', ms: 200, share: 200 / 910, recordsPerSecond: 30_000, bytesPerSecond: 15_000_000 },
      { stage: 'verify', ms: 50, share: 50 / 910, recordsPerSecond: 120_000, bytesPerSecond: 60_000_000 },
      { stage: 'publish', ms: 150, share: 150 / 910, recordsPerSecond: 40_000, bytesPerSecond: 20_000_000 },
    ],
  })
})

test('of two rounds the mean counts, and a stage that did not run is not there', () => {
  const { totalMs, stages } = mediansOf([round(100, 1, 20, 30), round(300, 3, 40, 10)], INPUT)
  expect(totalMs).toBe(200)
  expect(stages.map(({ stage, ms }) => [stage, ms])).toEqual([
    ['read', 2],
    ['decode', 30],
    ['order', 20],
  ])
})

test('a stage that took no time has no rate', () => {
  const [read] = mediansOf([round(10, 0, 5, 5)], INPUT).stages
  expect(read).toEqual({ stage: 'read', ms: 0, share: 0, recordsPerSecond: null, bytesPerSecond: null })
})

test.each([
  // Inserts are longer than each of the other three, but those together are longer still: decode is the longest of them.
  ['decode', [10, 400, 300, 500, 50, 60]],
  ['stage', [10, 400, 300, 800, 50, 60]],
  ['read', [900, 400, 300, 800, 50, 60]],
  ['order', [10, 200, 300, 100, 50, 60]],
  ['publish', [10, 400, 300, 100, 50, 600]],
  ['verify', [10, 400, 300, 100, 650, 600]],
  ['order', [10, 20, 30]],
] as const)('the bottleneck is %s', (stage, times) => {
  expect(bottleneck(...times)).toBe(stage)
})

test('what grows with the input is scaled, what does not is not', () => {
  const decodeBound = mediansOf([round(1000, 50, 400, 150, 500, 60, 140)], INPUT)
  // 50 + 400 + 150 = 600 hides 500; 600 + 60 + 140 = 800 grow, 200 stay.
  expect(projectedMs(decodeBound, 1)).toBe(1000)
  expect(projectedMs(decodeBound, 10)).toBe(8200)
  const insertBound = mediansOf([round(1200, 50, 400, 150, 700, 60, 140)], INPUT)
  expect(projectedMs(insertBound, 3)).toBe(1200 + 2 * 900)
  const noLedger = mediansOf([round(650, 50, 400, 150)], INPUT)
  expect(projectedMs(noLedger, 2)).toBe(1250)
})
