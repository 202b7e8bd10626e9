import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeChunks, line, NOW_MS, numbered } from '../../test/property/decode-lines.js'
import { textOf } from '../domain/string-pool.js'
import { INPUT_BYTES, Kernel } from './index.js'

const ids = (rows: readonly { values: Record<string, unknown> }[]) => rows.map(({ values }) => values.request_id)
const TEXTS = ['model', 'admission', 'cache_status', 'session_id', 'session_id_source', 'request_type', 'device_id']
const idOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const quoted = (text: string) => JSON.stringify(text)

function lines(count: number, changes: (n: number) => Record<string, string>): Buffer {
  const all = Array.from({ length: count }, (_, n) => line({ request_id: quoted(idOf(n)), ...changes(n) }))
  return Buffer.from(`${all.join('\n')}\n`)
}

describe('Kernel', () => {
  it('takes lines until the arena has no room for the texts of one more', () => {
    const kernel = new Kernel({ rows: 64, heapBytes: 1 << 16, blockBytes: 0 })
    const bytes = lines(64, (n) => Object.fromEntries(TEXTS.map((name) => [name, quoted(`${name} ${n}`)])))
    kernel.input.set(bytes)
    let taken = 0
    for (let at = 0; at < bytes.length; ) {
      at = kernel.scan(at, bytes.length, NOW_MS, INPUT_BYTES).at
      const { rows, model, strings } = kernel.arena
      expect(rows).toBeGreaterThan(0)
      expect(rows).toBeLessThan(64)
      for (let row = 0; row < rows; row++) expect(textOf(strings, model[row])).toBe(`model ${taken++}`)
      kernel.arena.reset()
    }
    expect(taken).toBe(64)
  })

  it('holds any number of different texts, some rows at a time', async () => {
    const bytes = lines(300, (n) => Object.fromEntries(TEXTS.map((name, f) => [name, quoted(`${name}-${n}-${f}`)])))
    const { rows, entries } = await decodeChunks([bytes], { capacity: 16 })
    expect(entries).toEqual([])
    expect(ids(rows)).toEqual(Array.from({ length: 300 }, (_, n) => idOf(n)))
    rows.forEach(({ values }, n) => {
      for (const [f, name] of TEXTS.entries()) expect(values[name]).toBe(`${name}-${n}-${f}`)
    })
  })

  it('holds texts of any length, and lines longer than what it scans at once', async () => {
    const lengths = [10, 70_000, 300_000, 15, 2_500_000, 0, 1 << 20]
    const bytes = lines(lengths.length, (n) => ({
      session_id: quoted('x'.repeat(lengths[n])),
      device_id: quoted(`d${n}`),
    }))
    for (const chunks of [[bytes], [bytes.subarray(0, 100_000), bytes.subarray(100_000)]]) {
      const { rows, entries } = await decodeChunks(chunks)
      expect(entries).toEqual([])
      expect(rows.map(({ values }) => String(values.session_id).length)).toEqual(lengths)
      expect(rows.map(({ values }) => values.device_id)).toEqual(lengths.map((_, n) => `d${n}`))
    }
  })

  it('counts which optional fields its records lacked, once', () => {
    const kernel = new Kernel({ rows: 16, heapBytes: 1 << 16, blockBytes: 0 })
    const bytes = Buffer.from(`${numbered(0)}\n${line({ device_id: undefined, co2_g: undefined })}\n`)
    kernel.input.set(bytes)
    expect(kernel.scan(0, bytes.length, NOW_MS, INPUT_BYTES).at).toBe(bytes.length)
    expect(kernel.takeMissing()).toEqual([{ mask: (1 << 22) | (1 << 17), records: 1 }])
    expect(kernel.takeMissing()).toEqual([])
    expect(kernel.arena.co2_g[1]).toBe(0)
  })

  it('leaves nothing behind of a line that it does not take', () => {
    const kernel = new Kernel({ rows: 16, heapBytes: 1 << 16, blockBytes: 0 })
    const bytes = Buffer.from(`${line({ model: quoted('never seen') })} \n`)
    kernel.input.set(bytes)
    expect(kernel.scan(0, bytes.length, NOW_MS, INPUT_BYTES)).toEqual({ at: 0, minTsMs: Infinity, maxTsMs: -Infinity })
    expect(kernel.scan(0, bytes.length - 1, NOW_MS, 10).at).toBe(0)
    expect([kernel.arena.rows, kernel.arena.strings.count]).toEqual([0, 1])
  })
})

describe('texts beyond ASCII', () => {
  const kernel = new Kernel({ rows: 16, heapBytes: 1 << 16, blockBytes: 0 })
  const takes = (text: Uint8Array) => {
    const [before, behind] = line({ model: quoted('#') }).split('#')
    const bytes = Buffer.concat([Buffer.from(before), text, Buffer.from(`${behind}\n`)])
    kernel.arena.reset()
    kernel.input.set(bytes)
    return kernel.scan(0, bytes.length, NOW_MS, INPUT_BYTES).at === bytes.length
  }

  it('are taken where they are UTF-8, whatever bytes come and wherever they stand', () => {
    const bytes = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }).map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 6 }),
      fc.array(
        fc.constantFrom(0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5),
        {
          maxLength: 8,
        },
      ),
    )
    fc.assert(
      fc.property(fc.nat({ max: 20 }), bytes, (before, some) => {
        const text = Buffer.concat([Buffer.alloc(before, 0x61), Uint8Array.from(some)])
        const plain = !text.some((byte) => byte < 0x20 || byte === 0x22 || byte === 0x5c)
        expect(takes(text)).toBe(plain && isUtf8(text))
      }),
      { numRuns: 50_000 },
    )
  })
})
