import { describe, expect, it } from 'vitest'
import { seeded } from '../../test/support/kill-run.js'
import { findSilences } from './silence.js'
import { MINUTE_MS, type Silence, Traffic } from './traffic.js'

const DAY = 1440
/** A Monday, 2026-01-05T00:00:00Z, in minutes. */
const MONDAY = Date.UTC(2026, 0, 5) / MINUTE_MS

interface Shape {
  readonly days: number
  readonly seed: number
  /** Requests a minute at noon of a working day. */
  readonly peak: number
  /** Share of the peak at each hour of a working day and of a Sunday, local time. */
  readonly working: readonly number[]
  readonly sunday: readonly number[]
  readonly holidays?: readonly number[]
  /** From this day on, local time is an hour ahead. */
  readonly clockChange?: number
  readonly outages?: readonly (readonly [day: number, minute: number, minutes: number])[]
}

const OFFICE = [0, 0, 0, 0, 0, 0, 0.02, 0.1, 0.4, 0.8, 1, 1, 0.9, 0.9, 1, 1, 0.9, 0.7, 0.4, 0.2, 0.1, 0.05, 0.02, 0]
const REST = [
  0, 0, 0, 0, 0, 0, 0, 0, 0.01, 0.02, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.04, 0.04, 0.03, 0.02, 0.01, 0, 0, 0,
]
const ALWAYS = OFFICE.map((share) => 0.2 + 0.8 * share)
const ALWAYS_REST = ALWAYS.map((share) => 0.5 * share)

/** Requests in clumps of up to six, whose rate changes from hour to hour by chance. */
function traffic({
  days,
  seed,
  peak,
  working,
  sunday,
  holidays = [],
  clockChange = days,
  outages = [],
}: Shape): Traffic {
  const next = seeded(seed)
  const counts = new Uint32Array(days * DAY)
  let mood = 1
  for (let minute = 0; minute < counts.length; minute++) {
    const local = minute + (Math.floor(minute / DAY) >= clockChange ? 60 : 0)
    const day = Math.floor(local / DAY)
    if (minute % 60 === 0) mood = 0.6 + 0.8 * next()
    const rest = day % 7 >= 5 || holidays.includes(day)
    const rate = peak * mood * (rest ? sunday : working)[Math.floor((local % DAY) / 60)]
    // Knuth's way to a Poisson number of clumps.
    for (let p = next(), limit = Math.exp(-rate / 3.5); p > limit; p *= next())
      counts[minute] += 1 + Math.floor(6 * next())
  }
  for (const [day, minute, minutes] of outages) counts.fill(0, day * DAY + minute, day * DAY + minute + minutes)
  return new Traffic(MONDAY, counts, silencesIn(counts))
}

function silencesIn(counts: Uint32Array): Silence[] {
  const found: Silence[] = []
  for (let i = 0, last = -1; i < counts.length; i++) {
    if (counts[i] === 0) continue
    if (last >= 0 && i - last > 5)
      found.push({
        from: MONDAY + last + 1,
        to: MONDAY + i,
        lastBeforeMs: (MONDAY + last) * MINUTE_MS,
        firstAfterMs: (MONDAY + i) * MINUTE_MS,
      })
    last = i
  }
  return found
}

const office = (seed: number, more: Partial<Shape> = {}): Shape => ({
  ...{ days: 90, seed, peak: 12, working: OFFICE, sunday: REST, holidays: [38], clockChange: 83 },
  ...more,
})

/** Days since the first, and minutes of the day, at which the silences found begin and end. */
const found = (given: Traffic) =>
  findSilences(given, []).findings.map(({ window }) => {
    const at = (ms: number) => ms / MINUTE_MS - MONDAY
    return [Math.floor(at(window!.fromMs) / DAY), at(window!.fromMs) % DAY, at(window!.toMs) - at(window!.fromMs)]
  })

describe('silences', () => {
  it.each(Array.from({ length: 12 }, (_, seed) => seed))(
    'none in 90 days of office hours with nights, quiet Sundays, a public holiday and a clock change (seed %i)',
    (seed) => {
      const given = traffic(office(seed))
      expect(given.silences.length).toBeGreaterThan(90)
      expect(found(given)).toEqual([])
    },
  )

  it.each([1, 3, 60])('none in traffic round the clock, %i requests a minute at noon', (peak) => {
    expect(found(traffic(office(7, { peak, working: ALWAYS, sunday: ALWAYS_REST })))).toEqual([])
  })

  it.each([3, 6, 10, 17, 30])('none in the first %i days of a ledger', (days) => {
    expect(found(traffic(office(5, { days, holidays: [] })))).toEqual([])
  })

  it.each([
    { what: 'forty minutes of a busy morning', outage: [44, 660, 40] },
    { what: 'an afternoon', outage: [31, 780, 300] },
    { what: 'a working day', outage: [65, 480, 660] },
    { what: 'three days', outage: [14, 700, 4320] },
    { what: 'the first busy morning', outage: [0, 600, 90] },
    { what: 'the last one', outage: [88, 600, 90] },
  ] as const)('found: $what', ({ outage }) => {
    const [[day, minute, minutes], ...more] = found(traffic(office(3, { outages: [outage] })))
    expect(more).toEqual([])
    // The stretch is as long as the outage, and the quiet minutes on its edges longer.
    const start = outage[0] * DAY + outage[1] - (day * DAY + minute)
    expect(start).toBeGreaterThanOrEqual(1)
    expect(minutes).toBeGreaterThanOrEqual(outage[2] + start)
    expect(minutes).toBeLessThan(outage[2] + 200)
  })

  it('found: each of three that fall on the same hours of three weeks', () => {
    const outages = [10, 24, 52].map((day) => [day, 600, 120] as const)
    expect(found(traffic(office(11, { outages, holidays: [] }))).map(([day]) => day)).toEqual([10, 24, 52])
  })

  it('found at night where traffic goes round the clock', () => {
    const shape = { peak: 20, working: ALWAYS, sunday: ALWAYS_REST, outages: [[44, 130, 90]] as const }
    expect(found(traffic(office(2, shape))).map(([day]) => day)).toEqual([44])
  })

  it('says what it compared with, and which silence the declared outage explains', () => {
    const given = traffic(
      office(9, {
        outages: [
          [30, 600, 120],
          [50, 600, 120],
        ],
      }),
    )
    const at = (day: number, minute: number) => (MONDAY + day * DAY + minute) * MINUTE_MS
    const { findings } = findSilences(given, [{ fromMs: at(50, 590), toMs: at(50, 700) }])
    expect(findings).toHaveLength(2)
    expect(findings[0].evidence).toMatch(
      /the same hours of 1\d other weeks held \d+ to \d+, about \d+ were to be expected/,
    )
    expect(findings.map(({ cause }) => cause.includes('--outage'))).toEqual([false, true])
  })

  it('found after months in which hardly anybody came', () => {
    const given = traffic(
      office(4, {
        days: 120,
        outages: [
          [0, 0, 70 * DAY],
          [100, 600, 120],
        ],
        holidays: [],
      }),
    )
    const stray = new Traffic(
      MONDAY,
      Uint32Array.from({ length: 120 * DAY }, (_, i) => {
        const busy = given.requests({ from: MONDAY + i, to: MONDAY + i + 1 })
        return i % (9 * DAY) === 7 ? busy + 1 : busy
      }),
      given.silences,
    )
    expect(found(stray).map(([day]) => day)).toEqual([100])
  })

  it('counts what it cannot judge', () => {
    const given = traffic(office(1, { days: 2, outages: [[0, 600, 120]] }))
    const { findings, unjudged } = findSilences(given, [])
    expect(findings).toEqual([])
    expect(unjudged).toBe(given.silences.length)
  })
})
