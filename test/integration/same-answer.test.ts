import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LedgerDir, type Ran, type Row } from '../support/ledger-dir.js'

const GENERATE = fileURLToPath(new URL('../../benchmarks/generate.js', import.meta.url))

/** What the generator says that its files hold; it has no part of the decoder. */
interface Generated {
  readonly records: { readonly decoded: number; readonly unique: number }
}

const USAGE_SQL = 'SELECT count() AS rows, sum(cityHash64(*)) AS hash FROM obleth.usage'
const SUMS = [
  ...['requests', 'success_requests', 'error_requests', 'input_tokens', 'output_tokens', 'estimated_tokens'],
  ...['cache_hits', 'cache_misses', 'ttft_ms_sum', 'total_ms_sum'],
]
/** The hash is over the groups; the sums are over all of them. */
const DAILY_SQL = `SELECT count() AS groups, sum(cityHash64(*)) AS hash, ${SUMS.map((s) => `sum(${s}) AS ${s}`).join(', ')}
  FROM (SELECT day, tenant_id, key_id, model, ${SUMS.map((s) => `sum(usage_daily.${s}) AS ${s}`).join(', ')}
    FROM obleth.usage_daily GROUP BY day, tenant_id, key_id, model)`

const root = mkdtempSync(join(tmpdir(), 'same-answer-'))
const tree = join(root, 'tree')
let generated: Generated
let plain: { usage: Row; daily: Row }

/** A replay into a ledger of its own; its document and what the ledger then says. */
function answer(name: string, sources: readonly string[], args: readonly string[] = [], env = {}, runs = 1) {
  const dir = new LedgerDir()
  try {
    const ran: Ran[] = []
    for (let run = 0; run < runs; run++) ran.push(dir.run(['replay', ...sources, ...args], env))
    const [[usage], [daily]] = dir.sql(USAGE_SQL, DAILY_SQL)
    process.stdout.write(`${name}: usage ${usage.rows} ${usage.hash} usage_daily ${daily.groups} ${daily.hash}\n`)
    return { ran, usage, daily }
  } finally {
    dir.remove()
  }
}

beforeAll(() => {
  const expected = join(root, 'expected.json')
  const options = ['--records', '340000', '--days', '3', '--damage', '0.0002', '--session-bytes', '1']
  execFileSync(process.execPath, [GENERATE, tree, ...options, '--expected', expected], { stdio: 'ignore' })
  generated = JSON.parse(readFileSync(expected, 'utf8')) as Generated
  const { ran, ...rest } = answer('plain', [tree])
  // Damaged lines are there, and nothing else is wrong.
  expect([ran[0].code, ran[0].document.rollup]).toEqual([3, 'consistent'])
  expect(ran[0].document.warnings.filter((warning) => warning.class === 'spilled')).toEqual([])
  plain = rest
}, 300_000)
afterAll(() => rmSync(root, { recursive: true, force: true }))

describe('the same files give the same ledger', () => {
  it('which holds what the generator wrote', () => {
    expect(generated.records.unique).toBeGreaterThan(300_000)
    expect(Number(plain.usage.rows)).toBe(generated.records.unique)
  })

  it('in the opposite order of pods', () => {
    const turned = join(root, 'turned')
    cpSync(tree, turned, { recursive: true })
    const pods = readdirSync(turned).sort()
    for (const [i, pod] of pods.entries()) renameSync(join(turned, pod), join(turned, `z${pods.length - i}`))
    const { usage, daily } = answer('pods turned round', [turned])
    rmSync(turned, { recursive: true })
    expect({ usage, daily }).toEqual(plain)
  })

  it('with every pod given twice', () => {
    const copy = join(root, 'copy')
    mkdirSync(copy)
    for (const pod of readdirSync(tree)) cpSync(join(tree, pod), join(copy, `${pod}-copy`), { recursive: true })
    const { ran, usage, daily } = answer('every pod twice', [tree, copy])
    rmSync(copy, { recursive: true })
    expect({ usage, daily }).toEqual(plain)
    expect(ran[0].document.records.decoded).toBe(2 * generated.records.decoded)
    expect(ran[0].document.records.inserted).toBe(generated.records.unique)
  })

  it.each(['1', '4'])('with --concurrency %s', (concurrency) => {
    const { usage, daily } = answer(`concurrency ${concurrency}`, [tree], ['--concurrency', concurrency])
    expect({ usage, daily }).toEqual(plain)
  })

  it('with so little memory that records are spilled', () => {
    const { ran, usage, daily } = answer('memory 64MiB', [tree], ['--memory', '64MiB'])
    expect({ usage, daily }).toEqual(plain)
    const spilled = ran[0].document.warnings.find((warning) => warning.class === 'spilled')
    expect(spilled?.count).toBeGreaterThan(10_000)
  })

  it('when run three times, of which the later ones insert nothing', () => {
    const { ran, usage, daily } = answer('three runs', [tree], [], {}, 3)
    expect({ usage, daily }).toEqual(plain)
    const { unique } = generated.records
    expect(ran.map(({ document }) => document.records.inserted)).toEqual([unique, 0, 0])
    expect(ran.map(({ document }) => document.records.alreadyInLedger)).toEqual([0, unique, unique])
  })

  it('in another time zone', () => {
    const { usage, daily } = answer('Los Angeles', [tree], [], { TZ: 'America/Los_Angeles' })
    expect({ usage, daily }).toEqual(plain)
  })

  it('out of an archive', () => {
    const archive = join(root, 'tree.tar.gz')
    const made = spawnSync('tar', ['-I', 'gzip -1', '-cf', archive, '-C', tree, '.'])
    expect(made.status).toBe(0)
    const { usage, daily } = answer('tar.gz', [archive])
    expect({ usage, daily }).toEqual(plain)
  })
})
