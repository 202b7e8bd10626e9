import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { DoctorOutcome, Lost } from '../../src/domain/doctor.js'
import { cleanEnv, LedgerDir } from '../support/ledger-dir.js'
import { contentOf, emptyAgain, fillObleth, sql } from '../support/obleth-postgres.js'
import { postgresPrograms, startPostgres, type TestPostgres } from '../support/postgres.js'
import { record, segment } from '../support/records.js'
import { fill, noRedis, TestRedis } from '../support/redis.js'
import { segmentName } from '../support/wal-tree.js'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

const CLI = fileURLToPath(new URL('../../bin/obleth-ledger.js', import.meta.url))
const programs = postgresPrograms()
const START = Date.now() - 2 * 86_400_000
const POD = 'router-0/telemetry.wal.segments'

/** Records of a minute each, the n-th hundred. */
const hundred = (n: number) =>
  Array.from({ length: 100 }, (_, i) => record(100 * n + i, { ts_ms: START + (100 * n + i) * 60_000 }))

describe.skipIf(programs === null || noRedis !== null)('a deployment with all three stores, backed up', () => {
  const dir = new LedgerDir()
  let postgres: TestPostgres
  let url: string
  let redis: TestRedis
  let env: Record<string, string>

  beforeAll(async () => {
    // The user of a scratch PostgreSQL has to get to its folder.
    chmodSync(dir.root, 0o711)
    postgres = await startPostgres(programs as string)
    url = await fillObleth(postgres.url, 'obleth')
    mkdirSync(join(dir.root, 'redis'))
    redis = await TestRedis.start(join(dir.root, 'redis'), { settings: { appendonly: 'yes' } })
    await fill(redis)
    mkdirSync(join(dir.root, 'bin'))
    writeFileSync(join(dir.root, 'bin', 'obleth-ledger'), `#!/bin/sh\nexec "${process.execPath}" "${CLI}" "$@"\n`, {
      mode: 0o755,
    })
    env = {
      PATH: `${join(dir.root, 'bin')}:${process.env.PATH}`,
      TMPDIR: dir.root,
      OBLETH_DATABASE_URL: url,
      OBLETH_REDIS_URL: redis.url,
      OBLETH_LEDGER_REDIS_DATA_DIR: redis.dir,
      OBLETH_LEDGER_EMBEDDED: dir.ledger,
      OBLETH_LEDGER_BACKUPS: join(dir.root, 'the backups'),
      OBLETH_LEDGER_SOURCE: dir.pods,
      OBLETH_LEDGER_QUIET: 'true',
      // Whoever pastes the commands answers yes.
      OBLETH_LEDGER_YES: 'true',
    }
    // The history as of yesterday, in the ledger and in the backup; the rest since, in the ledger and in the pod's WAL.
    dir.write(`${POD}/${segmentName(START)}`, segment([hundred(0), hundred(1)]))
    await pasted(`obleth-ledger replay '${dir.pods}'`)
    for (const store of ['postgres', 'redis', 'clickhouse']) await pasted(`obleth-ledger backup ${store}`)
    rmSync(join(dir.pods, POD), { recursive: true })
    dir.write(`${POD}/${segmentName(START + 1)}`, segment([hundred(1), hundred(2)]))
    await pasted(`obleth-ledger replay '${dir.pods}'`)
  })
  afterAll(async () => {
    await redis?.stop()
    await postgres?.stop()
    dir.remove()
  })

  async function run(line: string) {
    const child = spawn('sh', ['-c', line], { cwd: dir.root, env: cleanEnv(env), stdio: ['ignore', 'pipe', 'pipe'] })
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { code: code as number, stdout, output: `${line}\n${stdout}${stderr}` }
  }

  /** What a runbook says, as somebody would paste it. */
  async function pasted(line: string): Promise<void> {
    const { code, output } = await run(line)
    expect(code, output).toBe(0)
  }

  async function doctor(more = ''): Promise<DoctorOutcome & { code: number }> {
    const { code, stdout, output } = await run(`obleth-ledger doctor --json ${more}`)
    expect(stdout, output).toMatch(/^\{/)
    return { code, ...JSON.parse(stdout) }
  }

  /** Does what the runbook of a loss says; `between`: what a person does before the command whose text matches. */
  async function follow(lost: Lost, between: readonly [RegExp, () => Promise<unknown>][] = []): Promise<string[]> {
    const { code, runbook } = await doctor(`--lost ${lost}`)
    expect([code, runbook?.lost]).toEqual([0, lost])
    const done: string[] = []
    for (const { text: what, command } of runbook?.steps ?? []) {
      for (const [step, act] of between) if (step.test(what)) await act()
      if (command === null) continue
      await pasted(command)
      done.push(command.split(' ').slice(1, 3).join(' '))
    }
    return done
  }

  const ledger = () =>
    dir.sql(
      'SELECT count() AS rows, toString(sum(cityHash64(*))) AS hash FROM obleth.usage',
      'SELECT toString(sum(cityHash64(day, tenant_id, key_id, model, r, i, o))) AS hash FROM (SELECT day, tenant_id, key_id, model, sum(requests) AS r, sum(input_tokens) AS i, sum(output_tokens) AS o FROM obleth.usage_daily GROUP BY day, tenant_id, key_id, model)',
    )

  it('needs no attention while all is well, and is told what each loss would mean', async () => {
    const { code, stores, problems, backups, wal, matrix } = await doctor('--metrics metrics.prom')
    expect([code, problems]).toEqual([0, []])
    expect(stores.map(({ store, health }) => [store, health])).toEqual([
      ['postgres', 'ok'],
      ['redis', 'ok'],
      ['clickhouse', 'ok'],
    ])
    expect(backups?.stores.map(({ counts }) => counts)).toEqual([{ complete: 1 }, { complete: 1 }, { complete: 1 }])
    expect(wal).toMatchObject({ pods: 1, files: 1, full: 0 })
    expect(matrix.map(({ lost }) => lost)).toEqual(['redis', 'postgres', 'clickhouse', 'pod'])
    for (const { lost, untilMs } of matrix)
      if (lost !== 'pod') expect(Math.abs((untilMs ?? 0) - Date.now())).toBeLessThan(3_600_000)
    const metrics = readFileSync(join(dir.root, 'metrics.prom'), 'utf8')
    for (const store of ['postgres', 'redis', 'clickhouse']) {
      expect(metrics).toContain(`obleth_ledger_store_up{store="${store}"} 1\n`)
      expect(metrics).toMatch(new RegExp(`obleth_ledger_backup_newest_timestamp_seconds\\{store="${store}"\\} [1-9]`))
    }
    expect(metrics).toContain('obleth_ledger_problems 0\n')
  })

  it('shows no password, whatever the form', async () => {
    const secrets = [decodeURIComponent(new URL(url).password), redis.password ?? 'none']
    for (const line of ['doctor --verbose', 'doctor --json', 'doctor --lost postgres', 'doctor --lost redis']) {
      const { output } = await run(`OBLETH_LEDGER_QUIET=false obleth-ledger ${line}`)
      for (const secret of secrets) expect(output).not.toContain(secret)
    }
  })

  it('ClickHouse lost: the runbook brings back the backup and closes the gap from the WAL', async () => {
    const before = ledger()
    expect(before[0][0].rows).toBe('300')
    rmSync(dir.ledger, { recursive: true })
    const { code, stores, problems } = await doctor()
    expect([code, stores[2].health]).toEqual([4, 'unreachable'])
    expect(problems.map(({ about }) => about)).toEqual(['clickhouse'])
    expect(await follow('clickhouse')).toEqual([
      expect.stringMatching(/^collect /),
      'collect --verify',
      'backups verify',
      'restore clickhouse',
      expect.stringMatching(/^replay /),
      expect.stringMatching(/^replay /),
      expect.stringMatching(/^audit /),
    ])
    expect(ledger()).toEqual(before)
    expect((await doctor()).problems).toEqual([])
  })

  it('Postgres lost: the runbook brings back the newest dump', async () => {
    const before = await contentOf(url)
    await emptyAgain(postgres.url, 'obleth')
    const { code, stores } = await doctor()
    expect([code, stores[0].health]).toEqual([4, 'attention'])
    expect(stores[0].problems[0]).toMatchObject({
      reason: expect.stringContaining('tenants'),
      next: expect.stringContaining('doctor --lost postgres'),
    })
    expect(await follow('postgres')).toEqual(['backups verify', 'restore postgres'])
    expect(await contentOf(url)).toEqual(before)
    expect((await doctor()).problems).toEqual([])
    expect(await sql(url, 'SELECT count(*)::int AS n FROM tenants')).not.toEqual([{ n: 0 }])
  })

  it('Redis lost: the runbook lays the backup down, and sees that it is kept from now on', async () => {
    const before = await redis.content()
    await redis.stop()
    rmSync(redis.dir, { recursive: true })
    mkdirSync(redis.dir)
    const { code, stores } = await doctor()
    expect([code, stores[1].health]).toEqual([4, 'unreachable'])
    const restart = async () => {
      redis = await redis.restart('SIGKILL')
    }
    expect(await follow('redis', [[/writes to disk/, restart]])).toEqual(['restore redis', 'backup redis'])
    expect(await redis.content()).toEqual(before)
    expect((await doctor()).problems).toEqual([])
  })

  it('a pod lost: the runbook loads what its WAL held', async () => {
    dir.write(`router-1/telemetry.wal.segments/${segmentName(START + 2)}`, segment([hundred(3)]))
    await follow('pod')
    expect(ledger()[0][0].rows).toBe('400')
  })
})
