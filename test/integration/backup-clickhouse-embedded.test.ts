import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
// @ts-expect-error a plain script, without types
import { oblethSchema } from '../../samples/obleth-schema.js'
import type { BackupManifest } from '../../src/domain/backup.js'
import type { ClickhouseRestoreOutcome } from '../../src/domain/clickhouse-restore.js'
import { canEncrypt, keyFiles } from '../support/keys.js'
import { seeded } from '../support/kill-run.js'
import { cleanEnv, LedgerDir } from '../support/ledger-dir.js'
import {
  batches,
  insertOf,
  ROLLUP_SQL,
  record,
  rollupOf,
  SEGMENT,
  segment,
  type TestRecord,
} from '../support/records.js'

vi.setConfig({ testTimeout: 400_000 })

const CLI = fileURLToPath(new URL('../../bin/obleth-ledger.js', import.meta.url))
const OURS = Array.from({ length: 200 }, (_, n) => record(n))

interface Done {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly document: Record<string, unknown> & { error?: { code: string; message: string; hint: string } }
  readonly output: string
}

let dir: LedgerDir
let backups: string
beforeEach(() => {
  dir = new LedgerDir()
  backups = join(dir.root, 'backups')
})
afterEach(() => dir.remove())

/** A temporary directory of the test's own. */
function temporary(): string {
  const path = join(dir.root, 'tmp')
  mkdirSync(path, { recursive: true })
  return path
}

/** Runs the command on an embedded ledger in the folder of the test. */
function run(args: readonly string[], { env = {}, ledger = dir.ledger, killAfterMs = 0 } = {}): Done {
  const target = args[0] === 'backups' ? [] : ['--embedded', ledger]
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [CLI, ...args, ...target, '--backups', backups, '--json', '--quiet'],
    {
      cwd: dir.root,
      env: cleanEnv({ TMPDIR: temporary(), ...env }),
      encoding: 'utf8',
      ...(killAfterMs === 0 ? {} : { timeout: killAfterMs, killSignal: 'SIGKILL' }),
    },
  )
  return { code: status, signal, document: stdout === '' ? {} : JSON.parse(stdout), output: stdout + stderr }
}

function backup(...args: string[]): BackupManifest {
  const done = run(['backup', 'clickhouse', ...args])
  expect(done.code, done.output).toBe(0)
  return done.document as unknown as BackupManifest
}

function restore(...args: string[]): ClickhouseRestoreOutcome & { status: string } {
  const done = run(['restore', 'clickhouse', ...args])
  expect(done.code, done.output).toBe(0)
  return done.document as unknown as ClickhouseRestoreOutcome & { status: string }
}

const lose = () => rmSync(dir.ledger, { recursive: true })

function expectLedger(records: readonly TestRecord[]): void {
  const [ids, sums] = dir.sql('SELECT toString(request_id) AS id FROM obleth.usage ORDER BY id', ROLLUP_SQL)
  expect(ids.map(({ id }) => id)).toEqual(records.map(({ request_id }) => request_id).sort())
  expect(Object.fromEntries(sums.map(({ key, sums: s }) => [key, s]))).toEqual(rollupOf(records))
}

/** The whole ledger as sums that no order of rows changes, day by day, and the rollup group by group. */
const WHOLE = [
  `SELECT toString(toDate(ts)) AS day, count() AS rows, uniqExact(request_id) AS ids, sum(cityHash64(*)) AS hash,
     sum(reinterpretAsUInt64(cost_usd)) AS costs FROM obleth.usage GROUP BY day ORDER BY day`,
  `${ROLLUP_SQL} ORDER BY key`,
  'SELECT DISTINCT key, value FROM obleth.usage_meta',
]
const [HALF, WHOLE_ROWS] = [250_000, 500_000]

/** Rows of thirty days, through the view. */
const many = (from: number, to: number) => `INSERT INTO obleth.usage (request_id, tenant_id, key_id, model, admission,
    weight, input_tokens, output_tokens, estimated_tokens, queue_wait_ms, ttft_ms, total_ms, status_code, cache_status,
    cost_usd, ts_ms, request_type)
  SELECT reinterpretAsUUID(toUInt128(number + 1)), reinterpretAsUUID(toUInt128(number % 7)),
    reinterpretAsUUID(toUInt128(number % 13)), if(number % 3 = 0, 'gpt-large', 'gpt-small'), 'fast', 1,
    cityHash64(number) % 5000, number % 800, 1100, 0, 50, number % 900, if(number % 11 = 0, 500, 200),
    if(number % 5 = 0, 'hit', 'miss'), number / 1048576, 1770000000000 + intDiv(number * 2592000, 500) , 'chat'
  FROM numbers(${from}, ${to - from}) SETTINGS max_partitions_per_insert_block = 0, async_insert = 0`

it('half a million rows, lost with a backup of yesterday and WAL files of today: restore, the offered replay, and all is as it was', () => {
  const today = Array.from({ length: 3000 }, (_, n) => record(n, { ts_ms: Date.UTC(2026, 2, 10, 8) + n * 7000 }))
  const early = today.slice(0, 1000)
  dir.sql(...oblethSchema(), many(0, HALF), many(HALF, WHOLE_ROWS))
  const inBatches = (all: readonly TestRecord[]) => segment(batches(all))
  // Some went by way of a replay before the backup, some came after it, some of those were acknowledged by the lost ledger.
  dir.write(SEGMENT, inBatches(early))
  expect(dir.replay().code).toBe(0)
  const manifest = backup()
  expect(manifest.contents.tables).toContainEqual({ table: 'obleth.usage', rows: WHOLE_ROWS + early.length })
  expect(manifest.contents.facts.rollup).toBe('consistent')

  dir.write(SEGMENT, inBatches(today))
  expect(dir.replay().code).toBe(0)
  dir.write(`${SEGMENT}.offset`, String(inBatches(today.slice(0, 2000)).length))
  const [usage, daily, meta] = dir.sql(...WHOLE)
  expect(usage.reduce((sum, { rows }) => sum + Number(rows), 0)).toBe(WHOLE_ROWS + today.length)

  lose()
  const outcome = run(['restore', 'clickhouse'], { env: { OBLETH_LEDGER_SOURCE: dir.pods } })
  expect(outcome.code, outcome.output).toBe(0)
  const { next, rollup, newestMs } = outcome.document as unknown as ClickhouseRestoreOutcome
  expect([rollup, newestMs]).toEqual([
    'consistent',
    Math.max(1770000000000 + Math.floor(((WHOLE_ROWS - 1) * 2592000) / 500), early[999].ts_ms),
  ])
  // The very command that was offered, as a shell runs it.
  for (const command of next) {
    const ran = shell(command)
    expect(ran.status, ran.stdout + ran.stderr).toBe(command.includes(' audit ') ? 4 : 0)
  }
  const [nowUsage, nowDaily, nowMeta] = dir.sql(...WHOLE)
  expect([nowUsage, nowDaily, nowMeta]).toEqual([usage, daily, meta])
})

describe('an embedded ledger', () => {
  beforeEach(() => {
    dir.sql(...oblethSchema(), insertOf(OURS))
  })

  it('is restored into a new directory; what is in the old one takes no harm from a refused one', () => {
    const { id } = backup()
    dir.sql(insertOf([record(900)]))
    const refused = run(['restore', 'clickhouse', id])
    expect([refused.code, refused.document.error?.code], refused.output).toEqual([5, 'refused'])
    expectLedger([...OURS, record(900)])
    const outcome = restore(id, '--replace')
    expect([outcome.restored, outcome.rollup]).toEqual([true, 'consistent'])
    expectLedger(OURS)
    lose()
    expect(restore()).toMatchObject({ restored: true, aside: null })
    expectLedger(OURS)
    expect(dir.sql("SELECT name FROM system.databases WHERE name LIKE 'obleth%'")[0]).toEqual([{ name: 'obleth' }])
    // The engine's own work is done: what is inserted now is merged and rolled up as ever.
    dir.sql(insertOf([record(901)]), 'OPTIMIZE TABLE obleth.usage FINAL')
    expectLedger([...OURS, record(901)])
  })

  it('takes neither staging nor lock of a run into its backup, and says what it leaves out', () => {
    dir.sql(
      'CREATE TABLE obleth.usage_replay_r123 AS obleth.usage',
      'CREATE TABLE obleth.usage_replay_lock (held UInt8) ENGINE = MergeTree ORDER BY tuple()',
      'CREATE TABLE obleth.spans (id UInt64) ENGINE = MergeTree ORDER BY id',
      'INSERT INTO obleth.spans VALUES (1), (2)',
      'CREATE TABLE obleth.`odd name` (id UInt64) ENGINE = Log',
      'CREATE VIEW obleth.theirs AS SELECT 1',
    )
    const { contents, notes } = backup()
    expect(contents.tables.map(({ table }) => table).sort()).toEqual(
      ['spans', 'usage', 'usage_daily', 'usage_meta'].map((name) => `obleth.${name}`),
    )
    expect(notes).toEqual([expect.stringMatching(/^not in the backup: odd name, theirs$/)])
    lose()
    expect(restore()).toMatchObject({ restored: true })
    expect(dir.sql('SELECT sum(id) AS sum FROM obleth.spans')[0]).toEqual([{ sum: '3' }])
  })

  it('without a rollup, as after an old gateway, is restored as it was', () => {
    dir.sql('DROP TABLE obleth.usage_daily_mv SYNC', 'DROP TABLE obleth.usage_daily SYNC')
    const { contents, notes } = backup()
    expect([contents.facts.rollup, notes.join()]).toEqual(['absent', expect.stringMatching('no view usage_daily_mv')])
    lose()
    const { plan, rollup } = restore()
    expect([rollup, plan.notes.join()]).toEqual(['absent', expect.stringMatching('has no usage_daily')])
    expect(dir.sql('SELECT count() AS rows FROM obleth.usage')[0]).toEqual([{ rows: String(OURS.length) }])
  })

  it.skipIf(!canEncrypt('age'))('is encrypted, and restored with the right key alone', () => {
    const [right, wrong] = ['right', 'wrong'].map((name) => keyFiles('age', dir.root, name))
    const { encryption } = backup('--age-recipients', right.ageRecipients ?? '')
    expect(encryption).toBe('age')
    lose()
    const refused = run(['restore', 'clickhouse', '--age-identity', wrong.ageIdentity ?? ''])
    expect([refused.code, refused.document.error?.code], refused.output).toEqual([12, 'access_denied'])
    expect(restore('--age-identity', right.ageIdentity ?? '')).toMatchObject({ restored: true })
    expectLedger(OURS)
  })

  it.each([
    ['a flipped byte', (file: string, bytes: Buffer) => writeFileSync(file, bytes.fill(bytes[9000] ^ 1, 9000, 9001))],
    ['its end cut off', (file: string, bytes: Buffer) => writeFileSync(file, bytes.subarray(0, -2000))],
    ['no bytes', (file: string) => writeFileSync(file, '')],
  ])('whose backup has %s is not restored, and stays as it is', (_, spoil) => {
    const { id } = backup()
    const file = join(backups, 'clickhouse', id, 'ledger.tar')
    const bytes = readFileSync(file)
    rmSync(file)
    spoil(file, bytes)
    expect(run(['backups', 'verify', id]).code).toBe(4)
    dir.sql(insertOf([record(900)]))
    const refused = run(['restore', 'clickhouse', id, '--replace'])
    expect(refused.code, refused.output).toBeOneOf([1, 5])
    expect(refused.document.error?.hint).toBeTruthy()
    expectLedger([...OURS, record(900)])
  })

  it('whose disk for the backup is full fails, though the engine calls it created, and goes on with space', ({
    skip,
  }) => {
    const small = mkdtempSync(join(tmpdir(), 'small-'))
    const mount = (...args: string[]) => spawnSync(args[0], args.slice(1)).status === 0
    try {
      if (!mount('mount', '-t', 'tmpfs', '-o', 'size=60k', 'tmpfs', small))
        skip('a small disk can be mounted only by root')
      const failed = run(['backup', 'clickhouse'], { env: { TMPDIR: small } })
      expect([failed.code, failed.document.error?.code], failed.output).toEqual([1, 'disk_full'])
      expect(failed.document.error?.hint).toMatch('TMPDIR')
      expect(readdirSync(small)).toEqual([])
      expectLedger(OURS)
      expect(run(['backups', 'list']).document.backups).toEqual([])
      expect(mount('mount', '-o', 'remount,size=64m', small)).toBe(true)
      expect(run(['backup', 'clickhouse'], { env: { TMPDIR: small } }).code).toBe(0)
    } finally {
      mount('umount', small)
      rmSync(small, { recursive: true })
    }
  })

  it.each([1, 2, 3])(
    'whose backup is killed at a random moment (seed %i) is as it was, and so are its backups',
    (seed) => {
      const random = seeded(seed)
      const first = backup()
      const startedMs = Date.now()
      backup()
      const tookMs = Date.now() - startedMs
      for (let kill = 0; kill < 3; kill++)
        run(['backup', 'clickhouse'], { killAfterMs: Math.max(1, Math.round(random() * tookMs)) })
      const list = () => run(['backups', 'list']).document.backups as { id: string; state: string }[]
      expect(list().every(({ state }) => state === 'complete' || state === 'incomplete')).toBe(true)
      expect(run(['backups', 'prune', '--confirm', '--keep-last', '9']).code).toBe(0)
      const left = list()
      expect(left.every(({ state }) => state === 'complete')).toBe(true)
      expect(left.map(({ id }) => id)).toContain(first.id)
      expectLedger(OURS)
      backup()
      // Neither in the temporary directory nor in the ledger.
      expect(readdirSync(temporary())).toEqual([])
      expect(dir.sql("SELECT name FROM system.databases WHERE name LIKE 'obleth%'")[0]).toEqual([{ name: 'obleth' }])
    },
  )

  it.each([1, 2, 3, 4])(
    'that a restore killed at random moments (seed %i) puts in place is whole in the end',
    (seed) => {
      const random = seeded(seed)
      backup()
      lose()
      const startedMs = Date.now()
      restore()
      const tookMs = Date.now() - startedMs
      lose()
      dir.sql(...oblethSchema(), insertOf([record(900)]))
      for (let kill = 0; kill < 3; kill++)
        run(['restore', 'clickhouse', '--replace'], { killAfterMs: Math.max(1, Math.round(random() * tookMs)) })
      expect(restore('--replace')).toMatchObject({ status: 'ok', rollup: 'consistent' })
      expectLedger(OURS)
      const [databases] = dir.sql("SELECT name FROM system.databases WHERE name LIKE 'obleth%' ORDER BY name")
      expect(databases.map(({ name }) => name)).toEqual(['obleth', expect.stringMatching('^obleth_before_')])
      expect(dir.sql(`SELECT count() AS rows FROM ${databases[1].name}.usage`)[0]).toEqual([{ rows: '1' }])
    },
  )
})

it('what holds no ledger is not backed up', () => {
  const done = run(['backup', 'clickhouse'])
  expect([done.code, done.document.error?.code], done.output).toEqual([10, 'source_not_found'])
  expect(existsSync(join(backups, 'clickhouse'))).toBe(true)
})

/** With `obleth-ledger` in the path. */
function shell(command: string) {
  const bin = join(dir.root, 'bin')
  mkdirSync(bin, { recursive: true })
  writeFileSync(join(bin, 'obleth-ledger'), `#!/bin/sh\nexec ${process.execPath} ${CLI} "$@"\n`, { mode: 0o755 })
  return spawnSync('sh', ['-c', command], {
    cwd: dir.root,
    env: cleanEnv({ PATH: `${bin}${delimiter}${process.env.PATH}` }),
    encoding: 'utf8',
  })
}
