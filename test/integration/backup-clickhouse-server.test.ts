import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
// @ts-expect-error a plain script, without types
import { oblethSchema } from '../../samples/obleth-schema.js'
import { insertOf, record, rollupOf, SEGMENT, segment, type TestRecord } from '../support/records.js'
import { BackupServer, manifestOf, restoreOf, type Way } from '../support/server/backup-server.js'
import { expectLedger } from '../support/server/expect-ledger.js'
import { startProxy } from '../support/server/proxy.js'
import { besideTraffic } from '../support/server/traffic.js'

vi.setConfig({ testTimeout: 300_000 })

const OURS = Array.from({ length: 300 }, (_, n) => record(n))
/** Records that nobody has used yet. */
let used = OURS.length
const another = (count: number, changes: Partial<TestRecord> = {}) =>
  Array.from({ length: count }, () => record(used++, changes))

let server: BackupServer
beforeAll(async () => {
  server = await BackupServer.start()
})
afterAll(() => server.remove())
beforeEach(async () => {
  await server.empty()
  await server.dir.sql(...oblethSchema(), insertOf(OURS))
})

const lose = () => server.dir.sql('DROP DATABASE obleth SYNC')
const marker = async () => (await server.dir.sql('SELECT key, value FROM obleth.usage_meta FINAL'))[0]

describe.each<Way>(['disk', 'folder'])('a server that puts its backup in a %s of its own or ours', (way) => {
  it('is restored after its loss, with rollup, view, marker and runs', async () => {
    const manifest = manifestOf(await server.backup(way))
    expect(manifest.contents.tables).toContainEqual({ table: 'obleth.usage', rows: OURS.length })
    expect(manifest.contents.facts).toMatchObject({ tool: 'native', rollup: 'consistent', timezone: 'UTC' })
    // No scratch database, no lock, nothing in a shared folder is left.
    expect(await server.databases()).toEqual(['obleth'])
    expect(readdirSync(server.path('folder'))).toEqual([])
    await expectLedger(server.dir, OURS)

    await lose()
    const outcome = restoreOf(await server.restore(way))
    expect(outcome).toMatchObject({ status: 'ok', restored: true, aside: null, rollup: 'consistent' })
    expect(outcome.newestMs).toBe(Math.max(...OURS.map(({ ts_ms }) => ts_ms)))
    await expectLedger(server.dir, OURS)
    expect(await marker()).toEqual([{ key: 'backfilled_v1', value: '1' }])
    expect(await server.databases()).toEqual(['obleth'])
    // What pods insert from now on goes through the view.
    const more = another(20)
    await server.dir.sql(insertOf(more))
    await expectLedger(server.dir, [...OURS, ...more])
    // Again, and there is nothing to do where nothing has changed.
    await lose()
    expect(restoreOf(await server.restore(way)).restored).toBe(true)
    expect(restoreOf(await server.restore(way))).toMatchObject({ restored: false, plan: { action: 'none' } })
  })

  it('holds rows and rollup of one moment, while pods insert', async () => {
    const { outcome, others } = await besideTraffic(
      server.dir,
      () => another(5),
      () => server.backup(way),
      { pods: 3, pauseMs: 1 },
    )
    const manifest = manifestOf(outcome)
    expect(manifest.contents.facts.rollup).toBe('consistent')
    expect(others.length).toBeGreaterThan(50)
    await lose()
    expect(restoreOf(await server.restore(way))).toMatchObject({ status: 'ok', rollup: 'consistent' })
    const [rows] = await server.dir.sql('SELECT toString(request_id) AS id FROM obleth.usage')
    const ids = new Set(rows.map(({ id }) => id))
    const held = [...OURS, ...others].filter(({ request_id }) => ids.has(request_id))
    expect(held.length).toBe(rows.length)
    expect(held.length).toBeGreaterThan(OURS.length)
    await expectLedger(server.dir, held)
  })

  it('goes into a database of another name, and its view feeds the rollup there', async () => {
    manifestOf(await server.backup(way))
    const outcome = restoreOf(await server.restore(way, ['--clickhouse-db', 'copy']))
    expect(outcome).toMatchObject({ status: 'ok', restored: true, rollup: 'consistent' })
    const more = another(7)
    await server.dir.sql(insertOf(more).replace('obleth.usage', 'copy.usage'))
    const [[{ raw, rolled }]] = await server.dir.sql(
      `SELECT (SELECT count() FROM copy.usage) AS raw, (SELECT sum(requests) FROM copy.usage_daily) AS rolled`,
    )
    expect([raw, rolled]).toEqual([String(OURS.length + 7), String(OURS.length + 7)])
    await expectLedger(server.dir, OURS)
  })

  it('takes the place of rows only where it is told to, and they are brought back', async () => {
    manifestOf(await server.backup(way))
    await lose()
    // A new ClickHouse, and pods that go on.
    const since = another(40, { ts_ms: Date.UTC(2026, 2, 12, 9) })
    await server.dir.sql(...oblethSchema(), insertOf(since))
    const dry = restoreOf(await server.restore(way, ['--dry-run']))
    expect(dry.plan).toMatchObject({ action: 'restore', replaces: true })
    expect(dry.plan.days).toContainEqual({ day: '2026-03-12', now: 40, comes: 0 })
    const refused = await server.restore(way)
    expect([refused.code, refused.document.error?.message], refused.output).toEqual([
      5,
      expect.stringMatching('the target holds rows: .*usage 40'),
    ])
    await expectLedger(server.dir, since)

    const outcome = restoreOf(await server.restore(way, ['--replace']))
    expect(outcome).toMatchObject({ status: 'ok', restored: true, rollup: 'consistent' })
    await expectLedger(server.dir, OURS)
    expect(await server.databases()).toEqual(['obleth', outcome.aside])
    const [[{ rows }]] = await server.dir.sql(`SELECT count() AS rows FROM ${outcome.aside}.usage`)
    expect(rows).toBe('40')
    const sql = /query '(.*)' --write/s.exec(outcome.next[0])?.[1] ?? ''
    for (let times = 0; times < 2; times++) {
      const ran = await server.run(['query', sql, '--write'])
      expect(ran.code, ran.output).toBe(0)
      await expectLedger(server.dir, [...OURS, ...since])
    }
  })
})

it('a request that is on its way into the rollup is settled in the backup, and what differed for good stays so', async () => {
  const drifting = OURS.slice(0, 3)
  const late = another(30)
  const ids = drifting.map(({ request_id }) => `'${request_id}'`).join(', ')
  await server.dir.sql(`ALTER TABLE obleth.usage DELETE WHERE request_id IN (${ids}) SETTINGS mutations_sync = 2`)
  let done = false
  const proxy = await startProxy(server.dir.server.url, async (sql, when) => {
    if (done || when !== 'after' || !/CREATE TABLE .*`usage_daily` AS/.test(sql)) return
    done = true
    await server.dir.sql(insertOf(late))
  })
  const manifest = manifestOf(await server.backup('folder', { url: proxy.url }))
  await proxy.close()
  expect(manifest.notes.join('\n')).toMatch(/settled/)
  expect(manifest.contents.tables).toContainEqual({ table: 'obleth.usage', rows: OURS.length - 3 })
  await lose()
  expect(restoreOf(await server.restore('folder'))).toMatchObject({ status: 'ok', rollup: 'as_in_backup' })
  await expectLedger(server.dir, OURS.slice(3), rollupOf(OURS))
})

it('rows past their TTL that no merge has taken yet are backed up, and restored before one does', async () => {
  const old = another(30, { ts_ms: Date.UTC(2025, 0, 5) })
  await server.dir.sql(
    'SYSTEM STOP MERGES obleth.usage',
    `ALTER TABLE obleth.usage MODIFY TTL toDateTime(ts_ms / 1000) + INTERVAL 100 DAY
     SETTINGS materialize_ttl_after_modify = 0`,
    insertOf(old),
  )
  // Merges come when they would do most harm: before the rows of a snapshot, of a trial, of a restore are counted.
  let merged = 0
  const proxy = await startProxy(server.dir.server.url, async (sql, when) => {
    const beside = /FROM `(obleth_(?:backup|trial|restore)_\w+)`\.`usage` GROUP BY id ORDER/.exec(sql)?.[1]
    if (when !== 'before' || beside === undefined) return
    merged++
    await server.dir.sql(`OPTIMIZE TABLE ${beside}.usage FINAL`).catch(() => {})
  })
  const { contents } = manifestOf(await server.backup('disk', { url: proxy.url }))
  expect(contents.tables).toContainEqual({ table: 'obleth.usage', rows: OURS.length + old.length })
  await lose()
  expect(restoreOf(await server.restore('disk', [], { url: proxy.url }))).toMatchObject({ restored: true })
  await proxy.close()
  expect(merged).toBe(3)
  // Now they go, as the table says.
  await server.dir.sql('OPTIMIZE TABLE obleth.usage FINAL')
  expect((await server.dir.sql("SELECT count() AS rows FROM obleth.usage WHERE ts < '2025-02-01'"))[0]).toEqual([
    { rows: '0' },
  ])
})

it('a disk of the server that is full is seen, though the engine calls the backup created', async ({ skip }) => {
  const disk = server.path('disk')
  const mount = (...args: string[]) => spawnSync(args[0], args.slice(1)).status === 0
  if (!mount('mount', '-t', 'tmpfs', '-o', 'size=40k', 'tmpfs', disk)) skip('a small disk can be mounted only by root')
  try {
    const failed = await server.backup('disk')
    expect(failed.code, failed.output).toBe(1)
    expect(server.backupsCommand('list').document.backups).toEqual([])
    expect(await server.databases()).toEqual(['obleth'])
    await expectLedger(server.dir, OURS)
    expect(mount('mount', '-o', 'remount,size=64m', disk)).toBe(true)
    manifestOf(await server.backup('disk'))
  } finally {
    mount('umount', disk)
  }
})

describe('is refused', () => {
  const refused = async (way: Way, ...args: string[]) => {
    const ran = await server.restore(way, args)
    return [ran.code, ran.document.error?.message]
  }

  it('where nothing says where a server shall put it', async () => {
    const ran = await server.run(['backup', 'clickhouse', '--backups', server.backups])
    expect([ran.code, ran.document.error?.message], ran.output).toEqual([2, expect.stringMatching('where shall')])
    const other = await server.run([
      ...'backup clickhouse --clickhouse-backup-folder /etc --backups'.split(' '),
      server.backups,
    ])
    expect([other.code, other.document.error?.message], other.output).toEqual([2, expect.stringMatching('not allowed')])
    await expectLedger(server.dir, OURS)
    expect(await server.databases()).toEqual(['obleth'])
  })

  it('without --yes and a terminal', async () => {
    manifestOf(await server.backup('disk'))
    await lose()
    const ran = await server.run(['restore', 'clickhouse', ...server.args('disk')])
    expect([ran.code, ran.document.error?.message], ran.output).toEqual([5, expect.stringMatching('--yes')])
    expect(await server.databases()).toEqual([])
  })

  it('where there is no such backup', async () => {
    expect(await refused('disk')).toEqual([10, expect.stringMatching('no complete backup')])
  })

  it('where there is no ledger, or one of another engine', async () => {
    manifestOf(await server.backup('disk'))
    await server.dir.sql('DROP TABLE obleth.usage SYNC')
    const none = await server.backup('disk')
    expect([none.code, none.document.error?.code], none.output).toEqual([10, 'source_not_found'])
    await server.dir.sql('CREATE TABLE obleth.usage (request_id UUID, ts_ms Int64) ENGINE = Memory')
    const memory = await server.backup('disk')
    expect([memory.code, memory.document.error?.message], memory.output).toEqual([5, expect.stringMatching('Memory')])
    expect(await refused('disk', '--replace')).toEqual([5, expect.stringMatching('Memory')])
  })

  it('while a run changes the ledger', async () => {
    await server.dir.sql(
      `CREATE TABLE obleth.usage_replay_lock (held UInt8) ENGINE = MergeTree ORDER BY tuple()
       COMMENT '{"runId":"r1","host":"elsewhere","pid":1,"since":"2026-03-10T00:00:00Z","nonce":"n"}'`,
    )
    const ran = await server.backup('disk')
    expect([ran.code, ran.document.error?.message], ran.output).toEqual([11, expect.stringMatching('run r1')])
    expect(await server.databases()).toEqual(['obleth'])
  })
})

describe('damage is found, and leaves the target as it was:', () => {
  const dataFile = (folder: string) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.bin') && name.includes('usage/'))
      .map((name) => join(folder, name))[0]

  it('a file on the disk of the server that is cut', async () => {
    const { id } = manifestOf(await server.backup('disk'))
    truncateSync(dataFile(server.path('disk')), 10)
    const verified = await server.run(['backups', 'verify', id, ...server.args('disk')])
    expect(verified.code, verified.output).toBe(4)
    await lose()
    const ran = await server.restore('disk')
    expect(ran.code, ran.output).toBe(1)
    expect(await server.databases()).toEqual([])
  })

  it('a file on the disk of the server with a flipped byte', async () => {
    const { id } = manifestOf(await server.backup('disk'))
    const sound = await server.run(['backups', 'verify', id, ...server.args('disk')])
    expect(sound.code, sound.output).toBe(0)
    const file = dataFile(server.path('disk'))
    const bytes = readFileSync(file)
    bytes[bytes.length >> 1] ^= 1
    rmSync(file)
    writeFileSync(file, bytes)
    const verified = await server.run(['backups', 'verify', id, ...server.args('disk')])
    expect(verified.code, verified.output).toBe(4)
    const since = another(5)
    await server.dir.sql(insertOf(since))
    const ran = await server.restore('disk', ['--replace'])
    expect([ran.code, ran.document.error?.code], ran.output).toEqual([1, 'verification_failed'])
    await expectLedger(server.dir, [...OURS, ...since])
    expect(await server.databases()).toEqual(['obleth'])
  })

  it('a backup of other rows than it says', async () => {
    const { id } = manifestOf(await server.backup('folder'))
    // The same files under the id of another backup: hashes agree with one manifest, rows with the other.
    await server.dir.sql(insertOf(another(5)))
    const later = manifestOf(await server.backup('folder'))
    const folder = (of: string) => join(server.backups, 'clickhouse', of)
    const counts = (of: string) => join(folder(of), 'counts.json')
    const wrong = readFileSync(counts(id))
    rmSync(counts(later.id))
    writeFileSync(counts(later.id), wrong)
    const manifest = JSON.parse(readFileSync(join(folder(later.id), 'manifest.json'), 'utf8'))
    const first = JSON.parse(readFileSync(join(folder(id), 'manifest.json'), 'utf8'))
    manifest.files = [manifest.files[0], first.files[1]]
    writeFileSync(join(folder(later.id), 'manifest.json'), JSON.stringify(manifest))
    await lose()
    const ran = await server.restore('folder', [later.id])
    expect([ran.code, ran.document.error?.message], ran.output).toEqual([
      1,
      expect.stringMatching('is not what was backed up: usage, partition .* rows instead of'),
    ])
    expect(await server.databases()).toEqual([])
  })
})

it('a replay closes the gap: WAL files of before and after the backup, checkpoints of the lost ledger', async () => {
  const [before, after] = [another(60), another(60)]
  const [known, rest] = [segment([before]), segment([after])]
  server.dir.files.write(SEGMENT, known)
  expect((await server.dir.replay()).code).toBe(0)
  manifestOf(await server.backup('folder'))
  server.dir.files.write(SEGMENT, known + rest)
  expect((await server.dir.replay()).code).toBe(0)
  server.dir.files.write(`${SEGMENT}.offset`, String((known + rest).length))
  await expectLedger(server.dir, [...OURS, ...before, ...after])
  await lose()
  const outcome = restoreOf(await server.restore('folder'))
  expect(outcome.next[0]).toMatch(/^obleth-ledger replay .* --clickhouse-url http\S+ .*--clickhouse-db obleth --yes$/)
  await expectLedger(server.dir, [...OURS, ...before])
  const ran = await server.dir.replay()
  expect([ran.code, ran.document.rollup], ran.output).toEqual([0, 'consistent'])
  await expectLedger(server.dir, [...OURS, ...before, ...after])
})
