import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { DEFAULTS, type TreeOptions } from './options.js'
import { writeTree } from './tree.js'

const made: string[] = []

afterEach(() => {
  for (const root of made.splice(0)) rmSync(root, { recursive: true })
})

function make(options: Partial<TreeOptions>) {
  const root = mkdtempSync(join(tmpdir(), 'wal-tree-'))
  made.push(root)
  const expected = JSON.parse(JSON.stringify(writeTree(root, { ...DEFAULTS, records: 3000, ...options })))
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(root, name)).isFile())
    .sort()
  const read = (name: string) => readFileSync(join(root, name))
  return { expected, files, read, wal: files.filter((name) => !name.endsWith('.offset')) }
}

const hash = (contents: Buffer[]) => createHash('sha256').update(Buffer.concat(contents)).digest('hex')

test('the same seed gives the same bytes, another seed others', () => {
  const [a, b, c] = [{}, {}, { seed: 2 }].map((options) => make({ damage: 0.05, corruptFiles: 1, ...options }))
  expect(a.files).toEqual(b.files)
  expect(hash(a.files.map(a.read))).toBe(hash(b.files.map(b.read)))
  expect(a.expected).toEqual(b.expected)
  expect(c.files).not.toEqual(a.files)
})

test('what it expects is what a plain reading of a healthy tree finds', () => {
  const { expected, read, wal } = make({
    days: 3,
    duplicates: 0.2,
    respelled: 0.1,
    unicodeShare: 0.3,
    benchmarkShare: 0.1,
    generations: { oldest: 1, middle: 1, current: 1, newest: 1 },
  })
  const lines = wal.flatMap((name) => read(name).toString('utf8').split('\n').slice(0, -1))
  const rows = lines.filter((line) => line !== '').map((line) => JSON.parse(line))
  const unique = new Map(rows.map((row) => [row.request_id, row]))
  expect(expected.files).toBe(wal.length)
  expect(expected.lines).toEqual({
    read: lines.length,
    blank: lines.length - rows.length,
    quarantined: 0,
    tornTails: 0,
    withRecords: rows.length,
  })
  expect(rows).toHaveLength(3000)
  expect(expected.records).toMatchObject({ decoded: 3000, unique: unique.size, duplicates: 3000 - unique.size })
  for (const row of rows) expect(row).toEqual(unique.get(row.request_id))

  const sum = (list: readonly Record<string, number>[], name: string) =>
    list.reduce((n, row) => n + (row[name] ?? 0), 0)
  const distinct = [...unique.values()]
  expect(expected.total.input_tokens).toBe(sum(distinct, 'input_tokens'))
  expect(Number(expected.total.cost_usd_sum)).toBeCloseTo(sum(distinct, 'cost_usd'), 9)
  expect(sum(expected.dayTenants, 'rows')).toBe(unique.size)
  const billed = distinct.filter((row) => row.request_type !== 'benchmark')
  expect(billed.length).toBeLessThan(unique.size)
  expect(sum(expected.rollup, 'requests')).toBe(billed.length)
  expect(sum(expected.rollup, 'error_requests')).toBe(billed.filter((row) => row.status_code >= 400).length)
  expect(sum(expected.rollup, 'ttft_ms_sum')).toBe(
    sum(
      billed.filter((row) => row.status_code < 400),
      'ttft_ms',
    ),
  )
  expect(new Set(expected.rollup.map((row: { day: string }) => row.day)).size).toBeGreaterThan(2)
  expect(expected.unknownFields.map((field: { count: number }) => field.count)).toEqual(
    Array(2).fill(rows.filter((row) => 'upstream_region' in row).length),
  )
})

test('what it rejects are exactly the bytes at that place', () => {
  const { expected, read, wal } = make({ damage: 0.1, corruptFiles: 2 })
  const { lines, records, rejected } = expected
  for (const { path, line, byteOffset, length, sha256 } of rejected) {
    const bytes = read(path)
    expect(hash([bytes.subarray(byteOffset, byteOffset + length)])).toBe(sha256)
    expect(bytes.subarray(0, byteOffset).filter((byte) => byte === 10)).toHaveLength(line - 1)
  }
  const ends = wal.reduce((n, name) => n + read(name).filter((byte) => byte === 10).length, 0)
  expect(lines.read).toBe(ends + lines.tornTails)
  expect(lines.read).toBe(lines.blank + lines.quarantined + lines.tornTails + lines.withRecords)
  expect(rejected).toHaveLength(lines.quarantined + lines.tornTails + records.salvaged)
  expect(records.decoded).toBe(3000 + 2 * DEFAULTS.pods)
  expect(new Set(rejected.map((entry: { reason: string }) => entry.reason)).size).toBe(12)
  expect(records.repaired).toBeGreaterThan(0)
})

test('batches and segments keep to the limits of the gateway, checkpoints stand between lines', () => {
  const { files, read, wal } = make({ records: 12_000, pods: 2, withoutBlanks: 0, checkpoints: 1 })
  const segments = wal.filter((name) => name.includes('.segments/'))
  expect(segments.length).toBeGreaterThan(4)
  for (const name of segments) {
    expect(name).toMatch(/^obleth-gateway-7c9d5b6f4-\w{5}\/telemetry\.wal\.segments\/\d{20}-[0-9a-f-]{36}\.jsonl$/)
    expect(read(name).length).toBeLessThanOrEqual(1024 * 1024)
    for (const batch of read(name).toString('utf8').split('\n\n'))
      expect(batch.split('\n').length).toBeLessThanOrEqual(501)
  }
  const checkpoints = files.filter((name) => name.endsWith('.offset'))
  expect(checkpoints).toHaveLength(wal.length)
  for (const name of checkpoints) expect(read(name.replace(/\.offset$/, ''))[Number(read(name)) - 1]).toBe(10)
})
