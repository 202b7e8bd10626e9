import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LedgerError } from '../../src/domain/errors.js'
import { Secret } from '../../src/domain/options.js'
import { withPostgres } from '../../src/postgres/client.js'
import { parsePostgresUrl } from '../../src/postgres/connection.js'
import { BackupDir } from '../support/backup-dir.js'
import { postgresPrograms, startPostgres, type TestPostgres } from '../support/postgres.js'
import { hasOpenssl, TestCa } from '../support/server/certificates.js'

const programs = postgresPrograms()
const HINTS = { doing: 'be asked', denied: '', failed: '', unreachable: '' }

/** Whether the connection that a URL means is encrypted, as the server sees it. */
const encrypted = (url: string): Promise<boolean> =>
  withPostgres(parsePostgresUrl(new Secret(url)), HINTS, {}, async (client) => {
    const { rows } = await client.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')
    return rows[0].ssl as boolean
  })
const refusal = async (url: string): Promise<string> => {
  const thrown = await encrypted(url).catch((error: LedgerError) => error)
  return typeof thrown === 'boolean' ? `connected, encrypted ${thrown}` : thrown.code
}

describe.skipIf(programs === null || !hasOpenssl)('encryption of connections to Postgres', () => {
  let folder: string
  let [ca, other]: TestCa[] = []
  let secure: TestPostgres
  let plain: TestPostgres
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'postgres-tls-'))
    ;[ca, other] = [new TestCa(folder, 'ours'), new TestCa(folder, 'other')]
    secure = await startPostgres(programs as string, ca.issue('DNS:localhost'))
    plain = await startPostgres(programs as string)
  })
  afterAll(async () => {
    await secure?.stop()
    await plain?.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  /** The certificate is for localhost, not for the address. */
  const byName = () => secure.url.replace('127.0.0.1', 'localhost')

  it('is what libpq does by default: used where the server has it', async () => {
    expect(await encrypted(secure.url)).toBe(true)
    expect(await encrypted(plain.url)).toBe(false)
  })

  it('follows sslmode', async () => {
    expect(await encrypted(`${secure.url}?sslmode=disable`)).toBe(false)
    expect(await encrypted(`${secure.url}?sslmode=require`)).toBe(true)
    expect(await refusal(`${plain.url}?sslmode=require`)).toBe('target_unreachable')
  })

  it('proves the server where it is asked to', async () => {
    const [ours, others] = [`sslrootcert=${ca.file}`, `sslrootcert=${other.file}`]
    expect(await encrypted(`${byName()}?sslmode=verify-full&${ours}`)).toBe(true)
    expect(await refusal(`${secure.url}?sslmode=verify-full&${ours}`)).toBe('target_unreachable')
    expect(await encrypted(`${secure.url}?sslmode=verify-ca&${ours}`)).toBe(true)
    expect(await refusal(`${byName()}?sslmode=verify-ca&${others}`)).toBe('target_unreachable')
    expect(await refusal(`${byName()}?sslmode=require&${others}`)).toBe('target_unreachable')
    expect(await refusal(`${byName()}?sslmode=verify-full&sslrootcert=/nowhere`)).toBe('config')
  })

  it('is the same for pg_dump', async () => {
    const place = new BackupDir()
    const url = `${byName()}?sslmode=verify-full&sslrootcert=${ca.file}`
    const taken = await place.run(['backup', 'postgres'], { OBLETH_DATABASE_URL: url })
    expect(taken.code, taken.stderr).toBe(0)
    place.remove()
  })
})
