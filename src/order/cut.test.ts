import { describe, expect, it } from 'vitest'
import { arenaOf, type PlainRecord, plainRecord, random } from '../../test/property/order-records.js'
import { cutBlocks } from './cut.js'

const DAY = 86_400_000
const T = 1_749_945_600_000

function cut(records: readonly Partial<PlainRecord>[], limits: { rows?: number; bytes?: number } = {}): number[] {
  const next = random(1)
  const rows = records.map((record) => ({ record: { ...plainRecord(next, T), ...record }, evidence: 0, batch: 0 }))
  const arena = arenaOf(rows)
  const all = Uint32Array.from(rows, (_, row) => row)
  const blocks = [...cutBlocks(arena, all, { rows: 1e9, bytes: 1e9, ...limits })]
  expect(blocks.flatMap((block) => [...block])).toEqual([...all])
  return blocks.map((block) => block.length)
}

const onDays = (days: readonly number[]) => days.map((day) => ({ ts_ms: T + day * DAY }))
const range = (count: number) => Array.from({ length: count }, (_, n) => n)

describe('cutBlocks', () => {
  it('keeps a block to 49 days, counting those that have records', () => {
    expect(cut(onDays(range(49)))).toEqual([49])
    expect(cut(onDays(range(50)))).toEqual([49, 1])
    expect(cut(onDays(range(98).map((n) => n >> 1)))).toEqual([98])
    expect(cut(onDays(range(99).map((n) => n * 30)))).toEqual([49, 49, 1])
    // The last ms of one day and the first of the next.
    expect(cut(range(60).flatMap((day) => [{ ts_ms: T + day * DAY }, { ts_ms: T + (day + 1) * DAY - 1 }]))).toEqual([
      98, 22,
    ])
  })

  it('keeps a block to its rows, and gives none where there are none', () => {
    expect(
      cut(
        range(10).map(() => ({})),
        { rows: 4 },
      ),
    ).toEqual([4, 4, 2])
    expect(
      cut(
        range(8).map(() => ({})),
        { rows: 4 },
      ),
    ).toEqual([4, 4])
    expect(cut([])).toEqual([])
  })

  it('counts a text as often as a block repeats it', () => {
    const long = 'x'.repeat(10_000)
    const blocks = cut(
      range(1000).map(() => ({ session_id: long, device_id: long })),
      { bytes: 1_000_000 },
    )
    expect(Math.max(...blocks)).toBeLessThanOrEqual(50)
    expect(Math.min(...blocks.slice(0, -1))).toBeGreaterThan(45)
    // One that is too large all by itself has a block to itself.
    expect(cut([{}, { model: 'y'.repeat(5000) }, {}], { bytes: 1000 })).toEqual([1, 1, 1])
  })
})
