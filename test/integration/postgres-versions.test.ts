import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BackupDir } from '../support/backup-dir.js'
import { sql } from '../support/obleth-postgres.js'
import { newerPostgres, postgresPrograms, startPostgres, type TestPostgres } from '../support/postgres.js'

const programs = postgresPrograms()
const newer = programs === null ? null : newerPostgres()

describe.skipIf(newer === null)('a server that is newer than the programs here', () => {
  let old: TestPostgres
  let server: TestPostgres
  let place: BackupDir
  beforeAll(async () => {
    ;[old, server] = await Promise.all([startPostgres(programs as string), startPostgres(newer?.programs as string)])
    place = new BackupDir()
    await sql(old.url, 'CREATE TABLE tenants AS SELECT n AS id FROM generate_series(1, 12) n')
    const taken = await place.run(['backup', 'postgres'], { OBLETH_DATABASE_URL: old.url })
    expect(taken.code, taken.stderr).toBe(0)
  })
  afterAll(async () => {
    place?.remove()
    await Promise.all([old?.stop(), server?.stop()])
    newer?.remove()
  })

  it('is not backed up by them: that is refused before anything is written', async () => {
    const before = (await place.run(['backups', 'list'])).stdout
    const [{ version }] = await sql(server.url, "SELECT current_setting('server_version') AS version")
    const refused = await place.run(['backup', 'postgres'], { OBLETH_DATABASE_URL: server.url })
    expect(refused.code, refused.stdout).toBe(5)
    const { error } = JSON.parse(refused.stdout) as { error: Record<string, string> }
    expect(error.code).toBe('refused')
    expect(error.message).toMatch(/pg_dump 1[57]\.\d+ is older/)
    expect(error.message).toContain(String(version).split(' ')[0])
    expect(error.hint).toContain('postgresql-client-18')
    expect(error.hint).toContain('earlier backups are as they were')
    expect((await place.run(['backups', 'list'])).stdout).toBe(before)
    expect((await place.run(['backups', 'verify'])).code).toBe(0)
  })

  it('takes a backup of an older one', async () => {
    const restored = await place.run(['restore', 'postgres', '--yes'], { OBLETH_DATABASE_URL: server.url })
    expect(restored.code, restored.stdout).toBe(0)
    expect(JSON.parse(restored.stdout)).toMatchObject({ status: 'ok', differences: [] })
    expect(await sql(server.url, 'SELECT sum(id)::int AS sum FROM tenants')).toEqual([{ sum: 78 }])
  })
})
