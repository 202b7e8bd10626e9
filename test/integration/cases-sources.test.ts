import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CollectOutcome } from '../../src/domain/collect.js'
import { caseInput, casePath, expectedOf, quarantineOf } from '../support/cases.js'
import { LedgerDir } from '../support/ledger-dir.js'
import { lineOf, record } from '../support/records.js'
import { CREDENTIALS, S3Server } from '../support/s3/index.js'
import { segmentName } from '../support/wal-tree.js'

const SEGMENT = 'router-5c4b-0/telemetry.wal.segments/01750000000000000000-1c1f7d52-0d53-4f07-8b1b-7f3b1a9f7d01.jsonl'
const SUMS = 'SELECT count() AS n, sum(input_tokens) AS input, sum(output_tokens) AS output FROM obleth.usage'

let dir: LedgerDir
let bundle: string
beforeEach(() => {
  dir = new LedgerDir()
  bundle = join(dir.root, 'bundle')
})
afterEach(() => dir.remove())

async function collect(...args: string[]) {
  const { code, document } = await dir.runBeside(['collect', ...args, '--to', bundle], CREDENTIALS)
  return { code, ...(document as unknown as CollectOutcome) }
}

/** The ledger holds the sums of a case, each record once. */
function expectTotals(name: string): void {
  const { totals } = expectedOf(name)
  const sums = [totals.records_loaded, totals.sum_input_tokens, totals.sum_output_tokens].map(String)
  expect(dir.sql(SUMS)).toEqual([[{ n: sums[0], input: sums[1], output: sums[2] }]])
}

/** What inspect warns about, as the case asks for. */
const WARNINGS: Record<string, string[]> = {
  '047': ['existing_quarantine_lines', 'offset_beyond_eof'],
  '053': ['already_read'],
  '059': ['torn_tail'],
  '063': ['torn_tail'],
}

/** `cases.test.ts` replays these; here they are inspected, collected, and replayed from the bundle. */
describe('cases of sources, inspected and collected', () => {
  it.each(['047', '049', '051', '053', '057', '059', '061', '063'])('%s', async (name) => {
    const { totals, exit_expectation } = expectedOf(name)
    const incomplete = exit_expectation.startsWith('incomplete')
    const exit = incomplete ? 3 : 0
    const decoded = totals.records_loaded + totals.duplicates_collapsed
    const input = caseInput(name, dir.root)
    const seen = dir.run(['inspect', input])
    expect([seen.code, seen.document.records.decoded]).toEqual([exit, decoded])
    expect(seen.document.sources.unreadable.length > 0).toBe(incomplete)

    const { code, unreadable, files } = await collect(input)
    expect([code, unreadable.length > 0]).toEqual([exit, incomplete])
    expect(files).toHaveLength(seen.document.sources.files)
    expect((await dir.runBeside(['collect', '--verify', '--to', bundle])).code).toBe(0)

    const { code: replayed, document } = dir.run(['replay', bundle])
    expect([replayed, document.records]).toMatchObject([exit, { decoded, inserted: totals.records_loaded }])
    expect(document.sources.unreadable.length > 0).toBe(incomplete)
    expect(seen.document.warnings.map((warning) => warning.class).sort()).toEqual(WARNINGS[name] ?? [])
    expectTotals(name)
  })
})

describe('cases in steps, collected', () => {
  const step = (name: string, file: string) => readFileSync(casePath(name, file))

  it('043: what a file held before it was cut and filled again stays', async () => {
    const file = join(dir.pods, SEGMENT)
    dir.write(SEGMENT, step('043', 'step1.jsonl'))
    expect((await collect(dir.pods)).code).toBe(0)
    truncateSync(file)
    writeFileSync(file, step('043', 'step2.jsonl'))
    const { code, files } = await collect(dir.pods)
    expect([code, files.map(({ bytes }) => bytes).sort()]).toEqual([
      0,
      [step('043', 'step1.jsonl'), step('043', 'step2.jsonl')].map(({ length }) => length).sort(),
    ])
    expect(dir.run(['replay', bundle]).document.records.inserted).toBe(9)
    expectTotals('043')
  })

  it('043: a file that was rotated away between two collects stays', async () => {
    dir.write(SEGMENT, step('043', 'step1.jsonl'))
    await collect(dir.pods)
    rmSync(join(dir.pods, SEGMENT))
    dir.write(SEGMENT.replace('4b-0', '4b-1'), step('043', 'step2.jsonl'))
    expect((await collect(dir.pods)).code).toBe(0)
    expect(dir.run(['replay', bundle]).document.records.inserted).toBe(9)
    expectTotals('043')
  })

  it('045: what was torn is made whole by the next collect', async () => {
    dir.write(SEGMENT, step('045', 'part1.bin'))
    const before = dir.run(['inspect', dir.pods])
    expect([before.code, before.document.records.decoded, before.document.lines.tornTails]).toEqual([0, 3, 1])
    expect((await collect(dir.pods)).code).toBe(0)
    expect(dir.run(['inspect', bundle]).document.lines).toMatchObject({ tornTails: 1, quarantined: 0 })
    dir.write(SEGMENT, Buffer.concat([step('045', 'part1.bin'), step('045', 'part2.bin')]))
    expect((await collect(dir.pods)).code).toBe(0)
    const { code, document } = dir.run(['replay', bundle])
    expect([code, document.lines]).toMatchObject([0, { tornTails: 0, quarantined: 0 }])
    expectTotals('045')
  })
})

describe('cases of buckets', () => {
  const at = (store: S3Server) => ['--s3-endpoint', store.endpoint, '--s3-path-style']

  /** Inspects, collects and replays a bucket: each gives these records, and the ledger their sums. */
  async function expectAll(store: S3Server, objects: number, sums: readonly number[]): Promise<void> {
    const source = [`s3://${store.bucket}/wal`, ...at(store)]
    const seen = await dir.runBeside(['inspect', ...source], CREDENTIALS)
    expect([seen.code, seen.document.sources.files, seen.document.records.decoded]).toEqual([0, objects, sums[0]])
    const { code, files } = await collect(...source)
    expect([code, files.length]).toEqual([0, objects])
    expect(dir.run(['inspect', bundle]).document.records.decoded).toBe(sums[0])
    const { document } = await dir.runBeside(['replay', ...source], CREDENTIALS)
    expect(document.sources).toMatchObject({ files: objects, unreadable: [] })
    const [n, input, output] = sums.map(String)
    expect(dir.sql(SUMS)).toEqual([[{ n, input, output }]])
  }

  it('065: more objects than one page holds', async () => {
    const store = await S3Server.start()
    const body = (n: number) => `${lineOf(record(n, { input_tokens: n, output_tokens: 1 }))}\n\n`
    const key = (n: number) => `wal/router-5c4b-${n % 3}/telemetry.wal.segments/${segmentName(1_750_000_000_000 + n)}`
    store.put(Object.fromEntries(Array.from({ length: 1205 }, (_, n) => [key(n), body(n)])))
    // As its totals_formula has it.
    await expectAll(store, 1205, [1205, 725_410, 1205])
  })

  it('067: keys with a space, a plus, and both', async () => {
    const store = await S3Server.start()
    const manifest = JSON.parse(readFileSync(casePath('067', 'manifest.json'), 'utf8')) as {
      key: string
      body: string
    }[]
    for (const { key, body } of manifest) store.put({ [key]: readFileSync(casePath('067', body)) })
    const { totals } = expectedOf('067')
    await expectAll(store, 4, [totals.records_loaded, totals.sum_input_tokens, totals.sum_output_tokens])
  })
})

describe('125: a copy that is cut', () => {
  const { size } = JSON.parse(readFileSync(casePath('125', 'source.json'), 'utf8')) as { size: number }
  const copied = readFileSync(casePath('125', 'copied.jsonl'))

  it('by itself: its records load, and the bytes of the torn line are named', () => {
    dir.write(SEGMENT, copied)
    const { code, document } = dir.replay()
    // Nothing tells it from a file whose pod was killed while it wrote: a torn tail alone is a warning.
    expect([code, document.lines.tornTails]).toEqual([0, 1])
    const [tail] = quarantineOf(document)
    expect(tail).toMatchObject({ reason: 'truncated_tail' })
    expect(tail.byteOffset + tail.length).toBe(copied.length)
    expectTotals('125')
  })

  it('with a checkpoint beyond its end: said so', () => {
    dir.write(SEGMENT, copied)
    dir.write(`${SEGMENT}.offset`, String(size))
    const { warnings } = dir.run(['inspect', dir.pods]).document
    expect(warnings).toContainEqual(expect.objectContaining({ class: 'offset_beyond_eof', path: `${SEGMENT}.offset` }))
  })

  it('of a bundle: size and hash are compared before anything is made of it', async () => {
    dir.write(SEGMENT, Buffer.concat([copied, Buffer.alloc(size - copied.length, '\n')]))
    await collect(dir.pods)
    const there = join(dir.root, 'there')
    cpSync(bundle, there, { recursive: true })
    truncateSync(join(there, SEGMENT), copied.length)
    for (const command of ['inspect', 'replay']) {
      const { code, document, stderr } = dir.run([command, there])
      expect([code, document.error?.code]).toEqual([5, 'refused'])
      expect(stderr).toContain(SEGMENT)
      expect(stderr).toContain(`${copied.length} bytes where the manifest says ${size}`)
    }
    expect(
      existsSync(dir.ledger) ? dir.sql('SELECT count() AS n FROM system.tables WHERE name = $$usage$$') : [],
    ).toEqual([])
  })
})
