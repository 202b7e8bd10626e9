import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { BENCH_STAGES, type BenchDocument, type BenchRound } from '../../src/domain/bench.js'
import { cleanEnv } from '../support/ledger-dir.js'
import { record, segment } from '../support/records.js'

const CLI = fileURLToPath(new URL('../../bin/obleth-ledger.js', import.meta.url))

let root: string
let state: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'bench-test-'))
  state = join(root, 'state')
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, 'bench', ...args, '--state-dir', state], {
    cwd: root,
    env: cleanEnv(),
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

function measured(...args: string[]): BenchDocument {
  const { status, stdout, stderr } = run(...args, '--json', '--quiet')
  expect([status, stderr]).toEqual([0, ''])
  return JSON.parse(stdout)
}

/** A tree of segments, two hundred records each. */
function writePods(segments: number): void {
  for (let i = 0; i < segments; i++) {
    const folder = join(root, 'pods', `router-${i % 3}`, 'telemetry.wal.segments')
    mkdirSync(folder, { recursive: true })
    const name = `${String(1_750_000_000_000 + i).padStart(14, '0')}000000-4f6c1b7e-5d1a-4a38-9a51-3f2a6f1d9b10.jsonl`
    const records = Array.from({ length: 200 }, (_, n) => record(200 * i + n))
    writeFileSync(join(folder, name), segment([records]))
  }
}

/** Nothing of it is left anywhere. */
function expectNothingLeft(): void {
  expect(readdirSync(state)).toEqual([])
  expect(readdirSync(root).filter((name) => name !== 'pods')).toEqual(['state'])
}

/** What stages took cannot be more than there was time for: the first three take turns, the last two follow everything. */
function expectPossible({ totalMs, stages }: BenchRound): void {
  const { read = 0, decode = 0, order = 0, stage = 0, verify = 0, publish = 0 } = stages
  for (const ms of Object.values(stages)) expect(ms).toBeGreaterThanOrEqual(0)
  expect(read + decode + order).toBeLessThanOrEqual(totalMs)
  expect(stage + verify + publish).toBeLessThanOrEqual(totalMs)
}

it('generated records go through every stage, in each round the same, and nothing stays behind', () => {
  const document = measured('--records', '3000', '--rounds', '2', '--seed', 'a')
  expect(Object.keys(document)).toEqual([
    'command',
    'version',
    'status',
    'input',
    'target',
    'rounds',
    'medians',
    'bottleneck',
    'projection',
    'notes',
    'machine',
    'peakRssBytes',
  ])
  expect(document).toMatchObject({
    command: 'bench',
    status: 'ok',
    input: { kind: 'generated', seed: 'a', pods: 4, records: 3000 },
    target: { kind: 'embedded', location: null, version: expect.stringMatching(/^\d+\.\d+/) },
    projection: null,
    machine: { node: process.version },
  })
  // A tenth are copies, give or take.
  expect(document.input.unique).toBeGreaterThan(2500)
  expect(document.input.unique).toBeLessThan(2900)
  expect(document.rounds).toHaveLength(2)
  for (const round of document.rounds) {
    expect(Object.keys(round.stages)).toEqual(BENCH_STAGES)
    expectPossible(round)
  }
  const { stages, totalMs, recordsPerSecond, bytesPerSecond } = document.medians
  expect(stages.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9)
  expect((recordsPerSecond * totalMs) / 1000).toBeCloseTo(document.input.records, 6)
  expect((bytesPerSecond * totalMs) / 1000).toBeCloseTo(document.input.bytes, 6)
  const [a, b] = document.rounds
  expect(totalMs).toBeCloseTo((a.totalMs + b.totalMs) / 2, 6)
  expect(stages.map(({ stage }) => stage)).toContain(document.bottleneck)
  expectNothingLeft()
})

it('equal seeds give equal records, others others', () => {
  const of = (seed: string) => measured('--records', '2000', '--rounds', '1', '--target', 'none', '--seed', seed).input
  const first = of('x')
  expect(of('x')).toEqual(first)
  const { seed: _, ...other } = of('y')
  expect(other).not.toMatchObject({ bytes: first.bytes })
})

it('without a ledger it decodes and orders only', () => {
  const document = measured('--records', '2000', '--rounds', '1', '--target', 'none')
  expect(document.target).toEqual({ kind: 'none', location: null, version: null })
  expect(document.medians.stages.map(({ stage }) => stage)).toEqual(['read', 'decode', 'order'])
  expectPossible(document.rounds[0])
  expectNothingLeft()
})

it("the user's files are all measured where they are few, and sampled where they are many", () => {
  writePods(30)
  const all = measured('pods', '--rounds', '1', '--target', 'none')
  expect(all.input).toMatchObject({ kind: 'sources', seed: null, pods: 3, files: 30, records: 6000, unique: 6000 })
  expect(all.projection).toMatchObject({ files: 30, bytes: all.input.bytes, ms: all.medians.totalMs })

  const part = measured('pods', '--rounds', '1', '--sample', '1MiB')
  const { files, bytes, records, unique } = part.input
  expect(files).toBeLessThan(15)
  expect([records, unique]).toEqual([200 * files, 200 * files])
  expect(part.projection).toMatchObject({ files: 30, bytes: all.input.bytes })
  expect(part.projection?.assumptions.join()).toContain(`${files} of 30 files`)
  // Worked out anew: the longer of two sides, and what follows, for so many more bytes.
  const { read = 0, decode = 0, order = 0, stage = 0, verify = 0, publish = 0 } = part.rounds[0].stages
  const growing = Math.max(read + decode + order, stage) + verify + publish
  expect(part.projection?.ms).toBeCloseTo(part.rounds[0].totalMs + (all.input.bytes / bytes - 1) * growing, 3)
  expectNothingLeft()
})

it('damaged files are measured as far as they go: exit 3', () => {
  writePods(1)
  writeFileSync(join(root, 'pods', 'router-0', 'telemetry.wal'), 'no record\n')
  const { status, stdout } = run('pods', '--rounds', '1', '--target', 'none', '--json', '--quiet')
  expect(status).toBe(3)
  expect(JSON.parse(stdout)).toMatchObject({ status: 'incomplete', input: { records: 200 } })
  expectNothingLeft()
})

it('the table has a line for each stage, the bottleneck, and what all files would take', () => {
  writePods(2)
  const { status, stdout } = run('pods', '--rounds', '1')
  expect(status).toBe(0)
  for (const stage of [...BENCH_STAGES, 'whole']) expect(stdout).toMatch(new RegExp(`^  ${stage} +\\d+\\.\\d\\d `, 'm'))
  expect(stdout).toMatch(/^bottleneck +(read|decode|order|stage|verify|publish): /m)
  expect(stdout).toMatch(/^all +a replay of 2 files, \d+ KiB would take about \d/m)
  expect(stdout).toContain(process.version)
})

it.each([
  [['nowhere'], 10, 'source_not_found'],
  [['--target', 'server'], 2, 'usage'],
  [['--embedded', 'ledger'], 2, 'usage'],
] as const)('%j ends with %i and leaves nothing', (args, code, error) => {
  const { status, stdout } = run(...args, '--json', '--quiet')
  expect(status).toBe(code)
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: error } })
  if (existsSync(state)) expectNothingLeft()
  expect(existsSync(join(root, 'ledger'))).toBe(false)
})

it('Ctrl-C removes all of it, while records are generated and while they are replayed; a kill leaves it to the next', async () => {
  const start = async (records: string, when: (names: readonly string[]) => boolean, signal: NodeJS.Signals) => {
    const args = [CLI, 'bench', '--records', records, '--state-dir', state, '--json', '--quiet']
    const child = spawn(process.execPath, args, { cwd: root, env: cleanEnv(), stdio: 'ignore' })
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
    while (child.exitCode === null && !when(list())) await sleep(5)
    child.kill(signal)
    return await ended
  }
  const list = () => (existsSync(state) ? readdirSync(state, { recursive: true, encoding: 'utf8' }) : [])
  const generating = (names: readonly string[]) => names.some((name) => name.endsWith('telemetry.wal'))
  const replaying = (names: readonly string[]) => names.some((name) => name.endsWith('.native'))
  expect(await start('100000000', generating, 'SIGINT')).toBe(130)
  expectNothingLeft()
  expect(await start('20000', replaying, 'SIGINT')).toBe(130)
  expectNothingLeft()
  expect(await start('20000', replaying, 'SIGKILL')).toBe(null)
  expect(readdirSync(state)).toHaveLength(1)
  measured('--records', '100', '--rounds', '1')
  expectNothingLeft()
})
