import type { Minutes, Traffic } from './traffic.js'

/**
 * Whether a stretch without requests is improbable, judged by the same hours of other weeks.
 *
 * - Comparable are the same minutes of the week, up to 13 weeks before and after. Of each week the least is taken of the
 *   window itself and of those an hour earlier and later: clocks change twice a year, and people do not start on the minute.
 *   Weeks with less than a tenth of this week's traffic are from another time.
 * - Expected is the lower quartile of these counts, so that a few other outages or holidays among them do no harm, scaled
 *   down by how busy the hours before and after the silence are against the same hours of those weeks.
 * - Where they are less than half as busy, it is an unusual day such as a public holiday, and all days within two weeks
 *   are comparable, Sundays too, the quietest of them counting.
 * - With fewer than three comparable weeks the days within a week are taken in their place, the quietest counting; in the
 *   first nine days of a ledger, which may not have seen a Sunday, nothing is judged.
 * - Requests come in clumps (an agent at work), and some days are busier than others. If clumps are as large as the
 *   differences between neighbouring windows of the whole ledger say, and days differ as much as the comparable counts
 *   do, the number of clumps is negative binomial, and the probability of none follows. Poisson's would be far too small.
 */
export interface Judgement {
  /** Requests that were to be expected. */
  readonly expected: number
  /** Probability of none at all in these minutes. */
  readonly probability: number
  /** How many windows it was compared with, and least and most requests in one of them. */
  readonly windows: number
  readonly least: number
  readonly most: number
  readonly by: 'weeks' | 'days'
}

const HOUR = 60
const DAY = 24 * HOUR
const WEEK = 7 * DAY

const MOST_WEEKS = 13
/** A week with less than this share of the traffic is from another time of the ledger, such as before its users came. */
const ANOTHER_TIME = 0.1
const FEWEST_WEEKS = 3
const FEWEST_DAYS = 2
const SHORTEST_SPAN = 9 * DAY
/** Below this share of the usual traffic around it, a day is none like the others. */
const UNUSUAL = 0.5
const SHORTEST_MARGIN = 6 * HOUR
const LONGEST_MARGIN = DAY
/** Bounds of the negative binomial's shape: traffic that looks even is not quite. */
const MOST_EVEN = 20
const LEAST_EVEN = 0.25
/** What is left of a dozen counts without the lowest quarter may show half of their true variance. */
const VARIANCE_SHOWN = 1 / 2
const CLUMP_WINDOWS = [1, 5, 15]

/** Null where there is too little traffic to compare it with. `outages` are compared with nothing. */
export function judge(
  traffic: Traffic,
  clump: number,
  silence: Minutes,
  outages: readonly Minutes[],
): Judgement | null {
  const here = weekAround(traffic, silence, 0)
  const usable = (shift: number) => {
    const window = shifted(silence, shift)
    if (Math.abs(shift) < silence.to - silence.from || !traffic.covers(window)) return false
    if (weekAround(traffic, silence, shift) < ANOTHER_TIME * here) return false
    return !outages.some((outage) => overlap(outage, window))
  }
  const weeks = shifts(WEEK, MOST_WEEKS).filter(usable)
  if (weeks.length < FEWEST_WEEKS) return judgeByDays(traffic, clump, silence, shifts(DAY, 7).filter(usable), 1)
  const scale = busyness(traffic, silence, weeks)
  if (scale < UNUSUAL) return judgeByDays(traffic, clump, silence, shifts(DAY, 14).filter(usable), scale)
  const counts = weeks.map((shift) => leastAround(traffic, silence, shift)).sort((a, b) => a - b)
  return judgement(counts, scale * counts[Math.floor((counts.length - 1) / 4)], clump, 'weeks')
}

function judgeByDays(
  traffic: Traffic,
  clump: number,
  silence: Minutes,
  days: readonly number[],
  scale: number,
): Judgement | null {
  const tooShort = traffic.endMinute - traffic.firstMinute < SHORTEST_SPAN
  if (tooShort || days.length < FEWEST_DAYS) return null
  const counts = days.map((shift) => leastAround(traffic, silence, shift)).sort((a, b) => a - b)
  return judgement(counts, scale * counts[0], clump, 'days')
}

/** `counts` in ascending order. */
function judgement(counts: readonly number[], expected: number, clump: number, by: Judgement['by']): Judgement {
  // Other outages among them say nothing about how days differ.
  const usual = counts.slice(Math.floor((counts.length - 1) / 4))
  const mean = usual.reduce((sum, n) => sum + n, 0) / usual.length
  const variance = usual.reduce((sum, n) => sum + (n - mean) ** 2, 0) / (usual.length - 1)
  const between = (variance - clump * mean) / VARIANCE_SHOWN
  const shape = between > 0 ? mean ** 2 / between : MOST_EVEN
  const k = Math.min(Math.max(shape, LEAST_EVEN), MOST_EVEN)
  const probability = (1 + expected / clump / k) ** -k
  return { expected, probability, windows: counts.length, least: counts[0], most: counts[counts.length - 1], by }
}

/** How many requests come together, at least 1: the variance that neighbouring windows show, over their mean. */
export function clumpSize(traffic: Traffic): number {
  return Math.max(1, ...CLUMP_WINDOWS.map((minutes) => neighbourVariance(traffic, minutes)))
}

/** A burst, as of a batch job, says nothing about ordinary hours: the pairs that differ most are left out. */
const ORDINARY = 0.99

function neighbourVariance(traffic: Traffic, minutes: number): number {
  const pairs = Math.floor((traffic.endMinute - traffic.firstMinute) / minutes) - 1
  const squares = new Float64Array(Math.max(0, pairs))
  let sum = 0
  for (let i = 0, from = traffic.firstMinute; i < pairs; i++, from += minutes) {
    const a = traffic.requests({ from, to: from + minutes })
    const b = traffic.requests({ from: from + minutes, to: from + 2 * minutes })
    squares[i] = (a - b) ** 2
    sum += a + b
  }
  const ordinary = squares.sort().subarray(0, Math.ceil(squares.length * ORDINARY))
  return sum === 0 ? 1 : ordinary.reduce((total, square) => total + square, 0) / sum
}

/** Requests of the week in whose middle a shifted silence lies. */
function weekAround(traffic: Traffic, { from, to }: Minutes, shift: number): number {
  const middle = Math.floor((from + to) / 2) + shift
  return traffic.requests({ from: middle - WEEK / 2, to: middle + WEEK / 2 })
}

/** Traffic on both sides of the silence as a share of the usual: the lower of the two, at most 1. */
function busyness(traffic: Traffic, { from, to }: Minutes, weeks: readonly number[]): number {
  const margin = Math.min(Math.max(to - from, SHORTEST_MARGIN), LONGEST_MARGIN)
  const sides = [
    { from: from - margin, to: from },
    { from: to, to: to + margin },
  ]
  const shares = sides.map((side) => {
    const usual = weeks.map((shift) => traffic.requests(shifted(side, shift))).sort((a, b) => a - b)
    const median = usual[Math.floor(usual.length / 2)]
    return median === 0 || !traffic.covers(side) ? 1 : traffic.requests(side) / median
  })
  return Math.min(1, ...shares)
}

function leastAround(traffic: Traffic, silence: Minutes, shift: number): number {
  return Math.min(...[-HOUR, 0, HOUR].map((by) => traffic.requests(shifted(silence, shift + by))))
}

/** One step, two steps … both ways. */
function shifts(step: number, most: number): number[] {
  return Array.from({ length: most }, (_, i) => (i + 1) * step).flatMap((by) => [-by, by])
}

const shifted = ({ from, to }: Minutes, by: number): Minutes => ({ from: from + by, to: to + by })

export const overlap = (a: Minutes, b: Minutes): boolean => a.from < b.to && b.from < a.to
