import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
// @ts-expect-error a plain script, without types
import { CONTENDERS } from '../../benchmarks/runner/contenders.js'
// @ts-expect-error a plain script, without types
import { runRounds } from '../../benchmarks/runner/rounds.js'
// @ts-expect-error a plain script, without types
import { cachedTree } from '../../benchmarks/runner/tree-cache.js'
import { cleanEnv } from '../support/ledger-dir.js'

const noHyperfine = spawnSync('hyperfine', ['--version']).error !== undefined && process.env.CI !== 'true'

/** Tiny trees, which tell nothing of time. */
const GROWTH = ['--pods=3', '--segments=20', '--per-segment=5', '--scarce-records=1500', '--respelled-records=1000']

let root: string
let work: string
let into: string

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'benchmarks-'))
  work = join(root, 'work')
  into = join(root, 'into')
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

function run(script: string, ...args: string[]) {
  const path = fileURLToPath(new URL(`../../benchmarks/${script}`, import.meta.url))
  const options = [path, '--rounds=1', '--json', `--work=${work}`, `--into=${into}`, ...args]
  return spawnSync(process.execPath, options, { cwd: root, env: cleanEnv(), encoding: 'utf8' })
}

const page = (name: string) => readFileSync(join(into, name), 'utf8')

describe.skipIf(noHyperfine)('benchmarks (program hyperfine)', () => {
  it('run.js measures every contender and the inner loops, and writes what it prints', () => {
    const { status, stdout, stderr } = run('run.js', '--records=1500', '--inner-records=1000', '--inner-time=20')
    expect(status, stderr).toBe(0)
    const document = JSON.parse(stdout)
    expect(JSON.parse(page('results.json'))).toEqual(document)
    expect(Object.keys(document)).toEqual(['machine', 'shape', 'rounds', 'results', 'inner'])
    expect(document.shape).toMatchObject({ records: 1500, seed: 1 })
    expect(document.results.map(({ name }: { name: string }) => name)).toEqual(
      CONTENDERS.map(({ name }: { name: string }) => name),
    )
    for (const { name, title, ...numbers } of document.results)
      for (const number of Object.values(numbers)) expect(number, name).toBeGreaterThan(0)
    const loops = document.inner.loops.map(({ name }: { name: string }) => name)
    expect(loops).toEqual(['json-parse', 'stream-json', 'decode', 'order', 'encode'])
    for (const { rowsPerSecond } of document.inner.loops) expect(rowsPerSecond).toBeGreaterThan(0)
    for (const { title } of [...document.results, ...document.inner.loops])
      expect(page('RESULTS.md')).toContain(`| ${title} `)
    expect(page('RESULTS.md')).not.toContain('## Growth')
  })

  it('growth.js measures every part and writes what it prints, into the page of results, too', () => {
    const { status, stdout, stderr } = run('growth.js', '--sizes', '500', '1000', ...GROWTH)
    expect(status, stderr).toBe(0)
    const document = JSON.parse(stdout)
    expect(JSON.parse(page('growth.json'))).toEqual(document)
    const measured = document.results.map(({ part, name, records, memory }: Record<string, unknown>) =>
      [part, name, records, memory].join(' '),
    )
    expect(measured).toEqual([
      'files replay 300 1GiB',
      'sizes replay 500 1GiB',
      'sizes replay 1000 1GiB',
      'respelled replay 1000 1GiB',
      'respelled replay-respelled 1000 1GiB',
      'scarce replay 1500 256MiB',
      'scarce sql 1500 256MiB',
    ])
    // Three pods of about twenty segments.
    expect(document.results[0].files).toBeGreaterThan(50)
    expect(document.results[0].files).toBeLessThan(75)
    expect(page('GROWTH.md').match(/^## .*/gm)).toHaveLength(4)
    expect(page('growth.svg')).toMatch(/^<svg [\s\S]*<\/svg>\n$/)
    expect(page('RESULTS.md')).toContain('## Growth')

    const again = JSON.parse(run('growth.js', ...GROWTH, '--only', 'files').stdout)
    const [first, ...others] = document.results
    expect(again.results).toMatchObject([{ part: 'files', files: first.files }])
    expect(JSON.parse(page('growth.json')).results).toEqual([...others, ...again.results])
  })

  it('a wrong ledger stops it before its time counts, and nothing is written', () => {
    const sizes = ['--sizes=700', '--only=sizes']
    expect(run('growth.js', ...sizes, '--no-results').status).toBe(0)
    const tree = readdirSync(work).find((name) => holds(join(work, name, 'expected.json'), 700))
    const expected = join(work, tree ?? '', 'expected.json')
    const wanted = JSON.parse(readFileSync(expected, 'utf8'))
    wanted.rollup[0].output_tokens++
    writeFileSync(expected, JSON.stringify(wanted))
    rmSync(into, { recursive: true, force: true })
    const { status, stdout, stderr } = run('growth.js', ...sizes, '--results')
    expect([status, stdout]).toEqual([1, ''])
    expect(stderr).toContain('1 differences\nusage_daily ')
    expect(stderr).toContain('output_tokens: expected')
    expect(existsSync(into)).toBe(false)
  })

  it('so does one whose rows are right and not bit for bit those of another', () => {
    const tree = cachedTree(work, { records: 300 })
    const one = (name: string, fingerprint: string) => ({
      name,
      title: name,
      command: () => ['-e', '0'],
      outcome: () => ({ rows: 300, expectedRows: 300, fingerprint }),
    })
    const how = { rounds: 1, work: join(work, 'runs'), tell: () => {} }
    expect(runRounds([one('a', 'x'), one('b', 'x')], tree, how).get('b')).toHaveLength(1)
    expect(() => runRounds([one('a', 'x'), one('b', 'y')], tree, how)).toThrow('b and a left different ledgers')
  })
})

function holds(expected: string, records: number): boolean {
  return existsSync(expected) && JSON.parse(readFileSync(expected, 'utf8')).records.decoded === records
}
