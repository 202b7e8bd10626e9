import { describe, expect, it } from 'vitest'
import { random } from '../../test/property/order-records.js'
import { hashId, IdTable } from './id-table.js'

const word = (next: () => number) => Math.floor(next() * 2 ** 32)
const digest = (n: number) => Uint32Array.of(n + 1, n * 7)

describe('IdTable', () => {
  it.each([1, 200_000, Infinity])('knows ids, copies and conflicts as a map does, with %d bytes', (maxBytes) => {
    const next = random(3)
    const table = new IdTable(maxBytes)
    const map = new Map<string, number>()
    for (let n = 0; n < 20_000; n++) {
      // Few values in each word, so that ids differ in a single one, and come again.
      const id = Uint32Array.from({ length: 4 }, () => [0, 1, 2 ** 31, 2 ** 32 - 1, n % 97, 5, 6, 7][word(next) % 8])
      const version = word(next) % 2
      const known = map.get(id.join())
      const seen = table.insert(id, 0, hashId(id, 0), digest(version))
      expect(seen).toBe(known === undefined ? 'new' : known === version ? 'copy' : 'conflict')
      if (known === undefined) map.set(id.join(), version)
      expect(table.has(id, 0)).toBe(true)
    }
    expect(table.size).toBe(map.size)
    expect(table.has(Uint32Array.of(9, 9, 9, 9), 0)).toBe(false)
  })

  it('is full while it still takes no more than it may, and not much below that', () => {
    for (const maxBytes of [100_000, 1_000_000, 3_333_333]) {
      const next = random(maxBytes)
      const table = new IdTable(maxBytes)
      while (!table.full) {
        const id = Uint32Array.from({ length: 4 }, () => word(next))
        table.insert(id, 0, hashId(id, 0), digest(1))
      }
      expect(table.size).toBe(table.capacity)
      // 24 bytes an entry, and 4 a slot at a load of 0.7, half of them twice while the index grows.
      const bytes = table.size * (24 + 6 / 0.7)
      expect(bytes).toBeGreaterThan(maxBytes * 0.98)
      expect(bytes).toBeLessThanOrEqual(maxBytes)
    }
  })

  it('hands out the entries that leave, each once with its digest, and keeps the others', () => {
    const next = random(5)
    const table = new IdTable(1_000_000)
    const ids = Array.from({ length: 9000 }, () => Uint32Array.from({ length: 4 }, () => word(next)))
    ids.forEach((id, n) => {
      table.insert(id, 0, hashId(id, 0), digest(n))
    })
    const out = new Map<string, string>()
    table.remove(
      (hash) => hash >= 2 ** 31,
      (words, at, hash) => {
        const id = words.subarray(at, at + 4).join()
        expect(out.has(id)).toBe(false)
        expect(hash).toBe(hashId(words, at))
        out.set(id, words.subarray(at + 4, at + 6).join())
      },
    )
    for (const [n, id] of ids.entries()) {
      const left = hashId(id, 0) >= 2 ** 31
      expect(table.has(id, 0)).toBe(!left)
      expect(out.get(id.join())).toBe(left ? digest(n).join() : undefined)
    }
    expect(table.size).toBe(9000 - out.size)
    table.clear()
    expect([table.size, table.has(ids[0], 0)]).toEqual([0, false])
  })
})
