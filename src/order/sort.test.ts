import { describe, expect, it } from 'vitest'
import { arenaOf, plainRecord, random } from '../../test/property/order-records.js'
import { RecordArena } from '../domain/arena.js'
import { sortRows } from './sort.js'

const T = 1_749_945_600_000

function sorted(keys: readonly [tsMs: number, id: string][]): string[] {
  const next = random(1)
  const records = keys.map(([tsMs, request_id]) => ({ ...plainRecord(next, tsMs), request_id }))
  const arena = arenaOf(records.map((record) => ({ record, evidence: 0, batch: 0 })))
  const rows = sortRows(
    arena,
    Uint32Array.from(keys, (_, row) => row),
  )
  return [...rows].map((row) => `${records[row].ts_ms} ${records[row].request_id}`)
}

describe('sortRows', () => {
  it('puts equal times in order of the ids as text, whichever word tells them apart', () => {
    const ids = [
      '00000000-0000-0000-0000-000000000000',
      '00000000-0000-0000-0000-000000000001',
      '00000000-0000-0000-0000-0000ffffffff',
      '00000000-0000-0000-0001-000000000000',
      '00000000-0000-0000-8000-000000000000',
      '00000000-0000-0001-0000-000000000000',
      '00000000-ffff-0000-0000-000000000000',
      '00000001-0000-0000-0000-000000000000',
      '7fffffff-0000-0000-0000-000000000000',
      '80000000-0000-0000-0000-000000000000',
      'ffffffff-ffff-ffff-ffff-ffffffffffff',
    ]
    const wanted = ids.map((id) => `${T} ${id}`)
    expect(sorted(ids.toReversed().map((id) => [T, id]))).toEqual(wanted)
    expect(sorted([...ids.slice(5), ...ids.slice(0, 5)].map((id) => [T, id]))).toEqual(wanted)
  })

  it.each([20, 1000, 2_000_000, 40_000_000, 2 ** 32 - 1, 2 ** 32, 10 ** 12])(
    'goes by time first, over %d ms',
    (span) => {
      const next = random(span)
      const keys = Array.from({ length: 500 }, (_, n): [number, string] => [
        T + Math.floor(next() * 20) * Math.floor(span / 20),
        `${((n * 7919) % 500).toString(16).padStart(8, '0')}-0000-0000-0000-000000000000`,
      ])
      // Thirteen digits of time, then text: the order of such lines is the order wanted.
      expect(sorted(keys)).toEqual(keys.map(([tsMs, id]) => `${tsMs} ${id}`).sort())
    },
  )

  it('takes the rows asked for, and none where none are', () => {
    const arena = new RecordArena(5)
    arena.ts_ms.set([50, 40, 30, 20, 10])
    const rows = Uint32Array.of(0, 2, 4)
    expect([...sortRows(arena, rows)]).toEqual([4, 2, 0])
    expect([...rows]).toEqual([0, 2, 4])
    expect([...sortRows(arena, new Uint32Array(0))]).toEqual([])
  })
})
