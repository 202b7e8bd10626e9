import { describe, expect, it } from 'vitest'
import { decode, decodeChunks, line, NOW_MS, numbered, numberOf, sha256 } from '../../test/property/decode-lines.js'
import type { WalFile } from '../domain/wal.js'

const DAY_MS = 86_400_000

const lines = (...texts: string[]) => texts.map((text) => `${text}\n`).join('')
const at = (offset: number) => ({ state: 'at', offset }) as const

describe('decoder', () => {
  it('finds whole records behind a torn one, between NUL bytes and glued together', async () => {
    const torn = numbered(9).slice(0, 200)
    const text = lines(
      `${torn}${numbered(1)}`,
      `${numbered(2)}${numbered(3)}`,
      `\0\0${numbered(4)}\0`,
      `${numbered(5)} x`,
    )
    const { rows, counts, entries } = await decode(text)
    expect(rows.map(numberOf)).toEqual([1, 2, 3, 4, 5])
    expect(counts).toMatchObject({ salvaged: 5, decoded: 5, lines: { read: 4, withRecords: 4, quarantined: 0 } })
    const [second, third] = [torn.length + numbered(1).length + 1, 2 * numbered(2).length + 1]
    expect(entries.map(({ line, byteOffset, length, reason }) => [line, byteOffset, length, reason])).toEqual([
      [1, 0, torn.length, 'json_syntax'],
      [3, second + third, 2, 'nul_bytes'],
      [3, second + third + 2 + numbered(4).length, 1, 'nul_bytes'],
      [4, second + third + 4 + numbered(4).length + numbered(5).length, 2, 'json_syntax'],
    ])
    expect(entries[0].sha256).toBe(sha256(torn))
  })

  it('takes no record out of another value', async () => {
    const { rows } = await decode(
      lines(
        `[${numbered(1)}]`,
        `{"line":${numbered(2)}}`,
        JSON.stringify(numbered(3)),
        JSON.stringify({ a: numbered(4) }),
      ),
    )
    expect(rows).toEqual([])
  })

  it('tells a last line without LF by whether it is a record', async () => {
    const whole = await decode(lines(numbered(1)) + numbered(2))
    expect(whole.rows.map(numberOf)).toEqual([1, 2])
    expect(whole.counts.lines).toMatchObject({ read: 2, withRecords: 2, tornTails: 0 })
    const torn = await decode(lines(numbered(1)) + numbered(2).slice(0, -1))
    expect(torn.counts.lines).toEqual({ read: 2, blank: 0, quarantined: 0, tornTails: 1, withRecords: 1 })
    expect(torn.entries).toMatchObject([{ reason: 'truncated_tail', line: 2, length: numbered(2).length - 1 }])
  })

  it('rejects a run of NUL bytes as one stretch, however long', async () => {
    const run = Buffer.alloc(1 << 20)
    const chunks = [Buffer.from(lines(numbered(1))), run, run, run, Buffer.from(`${numbered(2)}\n`), run]
    const { rows, entries, counts } = await decodeChunks(chunks)
    expect(rows.map(numberOf)).toEqual([1, 2])
    expect(entries.map(({ reason, length, line }) => [reason, length, line])).toEqual([
      ['nul_bytes', 3 << 20, 2],
      ['nul_bytes', 1 << 20, 3],
    ])
    expect(entries[0].sha256).toBe(sha256(Buffer.alloc(3 << 20)))
    expect(Buffer.from(entries[0].bytes, 'base64')).toHaveLength(1 << 20)
    expect(counts.lines).toEqual({ read: 3, blank: 0, quarantined: 1, tornTails: 0, withRecords: 2 })
  })

  it('rejects a line that is too long without keeping it, and reads on', async () => {
    const long = Buffer.alloc(300_000, 'x')
    const chunks = [...Array.from({ length: 10 }, () => long), Buffer.from(`\n${numbered(1)}\n`)]
    const { rows, entries, counts } = await decodeChunks(chunks, { maxLineBytes: 1 << 20 })
    expect(rows.map(numberOf)).toEqual([1])
    expect(entries).toMatchObject([{ reason: 'oversize', line: 1, byteOffset: 0, length: 3_000_000 }])
    expect(entries[0].sha256).toBe(sha256(Buffer.alloc(3_000_000, 'x')))
    expect(Buffer.from(entries[0].bytes, 'base64')).toEqual(Buffer.alloc(1 << 20, 'x'))
    expect(counts.lines).toMatchObject({ quarantined: 1, withRecords: 1 })
  })

  it('decodes a line of exactly the longest length, and none longer', async () => {
    const { length } = line()
    expect((await decode(lines(line()), { maxLineBytes: length })).counts.decoded).toBe(1)
    expect((await decode(lines(line()), { maxLineBytes: length - 1 })).entries).toMatchObject([{ reason: 'oversize' }])
  })

  it('gives up on hostile lines after work in proportion to their length', async () => {
    const nested = '{"a":'.repeat(400_000)
    const braces = '{'.repeat(2_000_000)
    const { counts, entries, rows } = await decode(lines(braces, nested, numbered(1)))
    expect(rows.map(numberOf)).toEqual([1])
    expect(counts.lines.quarantined).toBe(2)
    expect(entries.map(({ length }) => length)).toEqual([braces.length, nested.length])
  })

  it('drops a byte-order mark at the beginning of the file only, and CR before LF', async () => {
    const { rows, counts, entries } = await decode(`\ufeff${numbered(1)}\r\n\r\n\ufeff${numbered(2)}\r\n`)
    expect(rows.map(numberOf)).toEqual([1, 2])
    expect(entries).toMatchObject([{ line: 3, length: 3 }])
    expect(counts.lines).toMatchObject({ read: 3, blank: 1, withRecords: 2 })
    expect(counts.warnings.map(({ class: name }) => name).sort()).toEqual(['bom', 'crlf', 'salvaged'])
  })

  it('takes the future only when told to', async () => {
    const text = lines(
      numbered(1, { ts_ms: String(NOW_MS + DAY_MS) }),
      numbered(2, { ts_ms: String(NOW_MS + DAY_MS + 1) }),
    )
    expect((await decode(text)).rows.map(numberOf)).toEqual([1])
    const accepted = await decode(text, { acceptFuture: true })
    expect(accepted.rows.map(numberOf)).toEqual([1, 2])
    expect(accepted.counts).toMatchObject({ minTsMs: NOW_MS + DAY_MS, maxTsMs: NOW_MS + DAY_MS + 1 })
    expect(accepted.counts.warnings).toMatchObject([{ class: 'future', count: 1 }])
  })

  it('reads .corrupt files without evidence, their bad lines counted as set aside already', async () => {
    const text = lines(numbered(1), 'bad', 'bad too')
    const file: Partial<WalFile> = { kind: 'corrupt', checkpoint: at(text.length), candidateBatch: 4 }
    const { rows, counts, entries } = await decode(text, { file })
    expect(rows).toMatchObject([{ evidence: 0, batch: 0 }])
    expect(counts).toMatchObject({ alreadyQuarantinedLines: 2, lines: { quarantined: 2 } })
    expect(counts.warnings).toMatchObject([{ class: 'existing_quarantine_lines', count: 2 }])
    expect(entries).toHaveLength(2)
  })

  it('gives an empty file nothing', async () => {
    const { counts } = await decodeChunks([])
    expect(counts).toMatchObject({ decoded: 0, bytes: 0, minTsMs: null, maxTsMs: null, warnings: [] })
  })
})

describe('evidence of a checkpoint', () => {
  const evidence = async (text: string, offset: number) =>
    (await decode(text, { file: { checkpoint: at(offset) } })).rows.map((row) => [numberOf(row), row.evidence])

  it('is for lines that end before it, their LF included', async () => {
    const text = lines(numbered(1), numbered(2))
    const end = numbered(1).length + 1
    expect(await evidence(text, end)).toEqual([
      [1, 1],
      [2, 0],
    ])
    expect(await evidence(text, end - 1)).toEqual([
      [1, 0],
      [2, 0],
    ])
    expect(await evidence(text, text.length)).toEqual([
      [1, 1],
      [2, 1],
    ])
  })

  it('is for lines that obleth could read as they stand', async () => {
    const spaced = numbered(2).replace(':', ' : ')
    const text = `\ufeff${lines(numbered(1), spaced, `torn${numbered(3)}`, `\0${numbered(4)}`, `${numbered(5)}\0`, `${numbered(6)}\f`)}`
    expect(await evidence(text, Buffer.byteLength(text))).toEqual([
      [1, 0],
      [2, 1],
      [3, 0],
      [4, 0],
      [5, 0],
      [6, 0],
    ])
  })
})

describe('the batch behind a checkpoint', () => {
  const batch = async (text: string, offset: number) =>
    (await decode(text, { file: { checkpoint: at(offset), candidateBatch: 7 } })).rows.flatMap((row) =>
      row.batch === 7 ? [numberOf(row)] : [],
    )
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
  const before = lines(numbered(1), '')

  it('ends at the blank line behind it', async () => {
    const text = before + lines('', numbered(2), numbered(3), '', numbered(4))
    expect(await batch(text, before.length)).toEqual([2, 3])
    expect(await batch(text, 0)).toEqual([1])
  })

  it('ends after 500 records', async () => {
    expect(await batch(before + lines(...range(2, 600).map((n) => numbered(n))), before.length)).toEqual(range(2, 501))
  })

  it('ends within 1 MiB', async () => {
    const wide = (n: number) => numbered(n, { session_id: `"${'s'.repeat(9000)}"` })
    const fit = Math.floor((1 << 20) / (wide(2).length + 1))
    expect(await batch(before + lines(...range(2, 300).map(wide)), before.length)).toEqual(range(2, fit + 1))
  })

  it('ends at a bad or glued line', async () => {
    expect(await batch(before + lines(numbered(2), 'bad', numbered(3)), before.length)).toEqual([2])
    const glued = `${numbered(3)}${numbered(4)}`
    expect(await batch(before + lines(numbered(2), glued, numbered(5)), before.length)).toEqual([2])
  })
})
