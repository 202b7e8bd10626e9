import fc from 'fast-check'
import { expect, it } from 'vitest'
import { RecordArena } from '../domain/arena.js'
import { FIELDS } from '../domain/record.js'
import { textOf } from '../domain/string-pool.js'
import { copyRows, KnownCodes } from './arena-copy.js'

const ROWS = 12
const TEXTS = ['', 'a', 'gpt-4o', 'günstig', 'x'.repeat(300)]

/** Every value differs by its place, but the texts, of which there are few. */
function filled(): RecordArena {
  const arena = new RecordArena(ROWS)
  let value = 1
  for (let row = 0; row < ROWS; row++) {
    for (const [n, { name, kind }] of FIELDS.entries()) {
      const column = arena[name]
      if (kind === 'string') {
        const bytes = Buffer.from(TEXTS[(row * 7 + n) % TEXTS.length])
        column[row] = arena.strings.intern(bytes, 0, bytes.length)
      } else for (let w = 0; w < column.length / ROWS; w++) column[row * (column.length / ROWS) + w] = value++
    }
    arena.digest.set([value++, value++], row * 2)
    arena.evidence[row] = row & 1
    arena.batch[row] = value++
  }
  arena.rows = ROWS
  return arena
}

/** All that a row holds, texts as such. */
function contentOf(arena: RecordArena, row: number): unknown[] {
  const all = [...FIELDS, ...(['digest', 'evidence', 'batch'] as const).map((name) => ({ name, kind: 'number' }))]
  return all.map(({ name, kind }) => {
    const column = arena[name]
    const width = column.length / arena.capacity
    return kind === 'string' ? textOf(arena.strings, column[row]) : [...column.subarray(row * width, (row + 1) * width)]
  })
}

it('copies every value of the rows, whether texts are known from before or not, and after either arena was emptied', () => {
  const from = filled()
  const wanted = Array.from({ length: ROWS }, (_, row) => contentOf(from, row))
  const picks = fc.array(fc.record({ rows: fc.array(fc.nat(ROWS - 1), { maxLength: 6 }), emptied: fc.boolean() }))
  fc.assert(
    fc.property(picks, fc.boolean(), (steps, remembers) => {
      const to = new RecordArena(1000)
      const known = remembers ? new KnownCodes(from) : undefined
      let expected: unknown[] = []
      for (const { rows, emptied } of steps) {
        if (emptied) {
          to.reset()
          known?.forget()
          expected = []
        }
        copyRows(from, Uint32Array.from(rows), to, known)
        expected.push(...rows.map((row) => wanted[row]))
      }
      expect(Array.from({ length: to.rows }, (_, row) => contentOf(to, row))).toEqual(expected)
    }),
  )
})
