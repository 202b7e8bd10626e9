import { describe, expect, it } from 'vitest'
import { arenaOf, type PlainRecord, plainRecord, random } from '../../test/property/order-records.js'
import { textOf } from '../domain/string-pool.js'
import { ConflictResolver } from './conflicts.js'
import { IdTable } from './id-table.js'

function permutations<T>(list: readonly T[]): T[][] {
  if (list.length < 2) return [[...list]]
  return list.flatMap((one, n) => permutations(list.toSpliced(n, 1)).map((rest) => [one, ...rest]))
}

const base = plainRecord(random(1), 1_749_945_600_000)

function settle(versions: readonly (Partial<PlainRecord> & { batch?: number; evidence?: number })[]) {
  const resolver = new ConflictResolver(new IdTable(1 << 20))
  const fresh: boolean[] = []
  for (const { batch = 0, evidence = 0, ...values } of versions)
    fresh.push(resolver.take(arenaOf([{ record: { ...base, ...values }, evidence, batch }]), 0))
  return { fresh, ...resolver.settle() }
}

describe('ConflictResolver', () => {
  it('lets the same version stay whatever the order, by time, then by the first field that differs', () => {
    const cases: { versions: Partial<PlainRecord>[]; wins: number }[] = [
      { versions: [{ ts_ms: base.ts_ms + 1, model: 'a' }, { model: 'z' }, { output_tokens: 4_294_967_295 }], wins: 0 },
      { versions: [{ model: 'b' }, { model: 'a', output_tokens: 9 }, { model: 'aa' }], wins: 0 },
      { versions: [{ weight: -1n }, { weight: 2n ** 40n }, { weight: -(2n ** 63n) }], wins: 1 },
      { versions: [{ cost_usd: 1e-300 }, { cost_usd: -0 }, { cost_usd: 0 }], wins: 0 },
      {
        versions: [
          { key_id: 'f0000000-0000-0000-0000-000000000000' },
          { key_id: '0fffffff-ffff-ffff-ffff-ffffffffffff' },
        ],
        wins: 0,
      },
    ]
    for (const { versions, wins } of cases)
      for (const order of permutations(versions)) {
        const { winners, counts } = settle([...order, order[0]])
        expect(winners.rows).toBe(1)
        const [winner] = [arenaOf([{ record: { ...base, ...versions[wins] }, evidence: 0, batch: 0 }])]
        for (const name of ['ts_ms', 'output_tokens', 'cost_usd'] as const)
          expect(winners[name][0]).toBe(winner[name][0])
        expect(textOf(winners.strings, winners.model[0])).toBe(textOf(winner.strings, winner.model[0]))
        expect([...winners.weight.subarray(0, 2)]).toEqual([...winner.weight.subarray(0, 2)])
        const twice = order[0] === versions[wins]
        expect(counts).toEqual({ ids: 1, copies: twice ? 1 : 0, losing: versions.length - (twice ? 1 : 0) })
      }
  })

  it('says which versions are new, and keeps the evidence of all copies', () => {
    for (const order of permutations([{ batch: 7 }, { batch: 3, evidence: 1 }, { model: 'x', batch: 9 }])) {
      const { winners, fresh } = settle(order)
      expect(fresh.filter(Boolean)).toHaveLength(2)
      expect([winners.evidence[0], winners.batch[0]]).toEqual([1, 3])
    }
  })

  it('takes thousands of versions of one id, as of a gateway that writes the nil id, without keeping their texts', () => {
    const resolver = new ConflictResolver(new IdTable(1 << 20))
    const versions = Array.from({ length: 5000 }, (_, n) => ({
      record: { ...base, output_tokens: n, session_id: `${n}`.repeat(500) },
      evidence: 0,
      batch: 0,
    }))
    const arena = arenaOf(versions)
    for (let row = 0; row < arena.rows; row++) expect(resolver.take(arena, row)).toBe(true)
    for (let row = 0; row < 10; row++) expect(resolver.take(arena, arena.rows - 1 - row)).toBe(false)
    const { winners, counts } = resolver.settle()
    expect(counts).toEqual({ ids: 1, copies: 1, losing: 4999 + 9 })
    expect([winners.rows, winners.output_tokens[0]]).toEqual([1, 4999])
    expect(textOf(winners.strings, winners.session_id[0])).toBe('4999'.repeat(500))
    expect(winners.strings.heapUsed).toBeLessThan(2 << 20)
  })

  it('keeps many ids apart', () => {
    const resolver = new ConflictResolver(new IdTable(1 << 20))
    const next = random(9)
    const records = Array.from({ length: 300 }, (_, n) => plainRecord(next, 1_749_945_600_000 + n))
    for (const shift of [0, 2, 1]) {
      const arena = arenaOf(
        records.map((record) => ({ record: { ...record, ts_ms: record.ts_ms + shift }, evidence: 0, batch: 0 })),
      )
      for (let row = 0; row < arena.rows; row++) resolver.take(arena, row)
    }
    const { winners, counts } = resolver.settle()
    expect(counts).toEqual({ ids: 300, copies: 0, losing: 600 })
    expect([...winners.ts_ms.subarray(0, 300)]).toEqual(records.map(({ ts_ms }) => ts_ms + 2))
    const wanted = arenaOf(records.map((record) => ({ record, evidence: 0, batch: 0 })))
    expect(winners.request_id.subarray(0, 1200)).toEqual(wanted.request_id.subarray(0, 1200))
  })
})
