import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
// @ts-expect-error a plain script, without types
import { oblethSchema } from '../../samples/obleth-schema.js'
import { insertOf, record } from '../support/records.js'
import { BackupServer, manifestOf, restoreOf } from '../support/server/backup-server.js'
import { expectLedger } from '../support/server/expect-ledger.js'
import { killAfter } from '../support/server/kill-statement.js'

vi.setConfig({ testTimeout: 300_000 })

const OURS = Array.from({ length: 200 }, (_, n) => record(n))
const SINCE = Array.from({ length: 30 }, (_, n) => record(1000 + n, { ts_ms: Date.UTC(2026, 2, 12, 9) + n }))

let server: BackupServer
beforeAll(async () => {
  server = await BackupServer.start()
})
afterAll(() => server.remove())
beforeEach(async () => {
  await server.empty()
  await server.dir.sql(...oblethSchema(), insertOf(OURS))
})

describe('a backup that is killed', () => {
  it.each([
    ['with its lock', /CREATE TABLE .*usage_replay_lock/s, 0],
    ['with an empty snapshot', /CREATE DATABASE/, 0],
    ['with half a snapshot', /ATTACH PARTITION/, 0],
    ['when it has given its lock back', /DROP TABLE .*usage_replay_lock/s, 0],
    ['while the server makes it', /^BACKUP/, 0],
    ['when it has dropped a table of its snapshot', /DROP TABLE .*obleth_backup_/s, 0],
  ])('%s leaves the ledger as it was, and no complete backup', async (_, statement, n) => {
    const earlier = manifestOf(await server.backup('folder'))
    await killAfter(server.dir, ['backup', 'clickhouse', ...server.args('folder')], statement, n)
    await expectLedger(server.dir, OURS)
    const list = () => server.backupsCommand('list').document.backups as { id: string; state: string }[]
    // Two of one second have no order.
    expect(
      list()
        .map(({ state }) => state)
        .sort(),
    ).toEqual(['complete', 'incomplete'])
    // The next one clears away what that one left on the server.
    const next = manifestOf(await server.backup('folder'))
    expect(await server.databases()).toEqual(['obleth'])
    expect(server.backupsCommand('prune', '--confirm')).toMatchObject({ code: 0 })
    expect(
      list()
        .map(({ id }) => id)
        .sort(),
    ).toEqual([next.id, earlier.id].sort())
    // A replay is not kept out by a lock of the dead.
    expect((await server.dir.replayNothing()).code).toBe(0)
  })
})

const restore = ['restore', 'clickhouse', '--replace', '--yes']

describe('a restore that is killed', () => {
  it.each([
    ['with its lock', /CREATE TABLE .*usage_replay_lock/s, 0],
    ['with tables and without rows', /^RESTORE/, 0],
    ['while the server brings the rows', /^RESTORE/, 1],
    ['with a copy of the view', /CREATE MATERIALIZED VIEW/, 0],
    ['when all is proven', /CREATE TABLE .*obleth_ledger_placing/s, 0],
    ['with the marker in place', /EXCHANGE TABLES .*usage_meta/s, 0],
    ['with the raw rows in place', /EXCHANGE TABLES .*`usage` AND/s, 0],
    ['with the rollup in place', /EXCHANGE TABLES .*usage_daily/s, 0],
    ['when merges go on', /START MERGES/, 1],
    ['with the old tables under their name', /RENAME DATABASE/, 0],
    ['with its note gone', /DROP TABLE .*obleth_ledger_placing/s, 0],
    ['without its lock', /DROP TABLE .*usage_replay_lock/s, 0],
  ])('%s goes on by the same command, into a ledger that holds rows', async (_, statement, n) => {
    manifestOf(await server.backup('folder'))
    await server.dir.sql('DROP DATABASE obleth SYNC', ...oblethSchema(), insertOf(SINCE))
    await killAfter(server.dir, [...restore, ...server.args('folder')], statement, n)
    const outcome = restoreOf(await server.restore('folder', ['--replace']))
    expect(outcome).toMatchObject({ status: 'ok', rollup: 'consistent' })
    await expectLedger(server.dir, OURS)
    const [before, obleth] = (await server.databases()).reverse()
    expect([obleth, await server.databases()]).toEqual(['obleth', ['obleth', before]])
    const [[{ rows }]] = await server.dir.sql(`SELECT count() AS rows FROM ${before}.usage`)
    expect(rows).toBe(String(SINCE.length))
    await server.dir.sql(insertOf(SINCE))
    await expectLedger(server.dir, [...OURS, ...SINCE])
    expect((await server.dir.replayNothing()).code).toBe(0)
  })

  it.each([
    ['with the database made', /CREATE DATABASE IF NOT EXISTS/, 0],
    ['with the marker in place', /RENAME TABLE .*usage_meta/s, 0],
    ['with the raw rows in place', /RENAME TABLE .*`usage` TO/s, 0],
    ['with the rollup in place', /RENAME TABLE .*usage_daily/s, 0],
    ['with the view in place', /CREATE MATERIALIZED VIEW/, 1],
    ['with its own database gone', /DROP DATABASE .*restore/s, 1],
  ])('%s goes on by the same command, where all was lost, and obleth may boot in between', async (_, statement, n) => {
    manifestOf(await server.backup('folder'))
    await server.dir.sql('DROP DATABASE obleth SYNC')
    await killAfter(server.dir, [...restore, ...server.args('folder')], statement, n)
    await server.dir.sql(...bootOfObleth())
    expect(restoreOf(await server.restore('folder', ['--replace']))).toMatchObject({
      status: 'ok',
      rollup: 'consistent',
    })
    await expectLedger(server.dir, OURS)
    await server.dir.sql(insertOf(SINCE))
    await expectLedger(server.dir, [...OURS, ...SINCE])
  })
})

/** What obleth does at its boot, save the marker: it makes what is missing. */
function bootOfObleth(): string[] {
  return (oblethSchema() as string[])
    .filter((statement) => statement.startsWith('CREATE'))
    .map((statement) => statement.replace(/^CREATE (DATABASE|TABLE|MATERIALIZED VIEW)/, 'CREATE $1 IF NOT EXISTS'))
}
