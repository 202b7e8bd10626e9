import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { BackupDir } from '../support/backup-dir.js'
import { canEncrypt, type EncryptionName, makeKey } from '../support/keys.js'
import { contentOf, emptyAgain, fillObleth, ROWS, sql } from '../support/obleth-postgres.js'
import { postgresPrograms, startPostgres, type TestPostgres } from '../support/postgres.js'

const programs = postgresPrograms()
const DATABASE = 'obleth'
const ENCRYPTIONS: readonly EncryptionName[] = ['none', 'age', 'gpg']

/** Where backups are kept: each kind of place has to do. */
const PLACES: Readonly<Record<string, () => Promise<BackupDir>>> = {
  folder: async () => new BackupDir(),
  bucket: () => BackupDir.inBucket(),
}

/** Inserts into audit_log one row after the other until told to stop; returns how many. */
function insertAlways(url: string): { stop(): Promise<number> } {
  let stopped = false
  const client = new pg.Client(url)
  const working = (async () => {
    await client.connect()
    let n = 0
    for (; !stopped; n++) await client.query("INSERT INTO audit_log (at, actor) VALUES (now(), 'live')")
    await client.end()
    return n
  })()
  return {
    stop: () => {
      stopped = true
      return working
    },
  }
}

/** Options that open backups with a key that was never used. */
function makeOtherKey(encryption: EncryptionName, { root }: BackupDir): string[] {
  const folder = join(root, 'other-key')
  mkdirSync(folder)
  return makeKey(encryption, folder, 'another passphrase').open
}

describe.skipIf(programs === null)('a backup of Postgres', () => {
  let postgres: TestPostgres
  let place: BackupDir
  let url: string
  beforeAll(async () => {
    postgres = await startPostgres(programs as string)
  })
  afterAll(() => postgres?.stop())
  beforeEach(async () => {
    await sql(postgres.url, `DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`)
    url = await fillObleth(postgres.url, DATABASE)
  })

  describe.each(Object.entries(PLACES))('in a %s', (_, open) => {
    beforeEach(async () => {
      place = await open()
    })
    afterEach(() => place.remove())

    it.each(ENCRYPTIONS.filter(canEncrypt))(
      'encrypted with %s, taken among live inserts, brings back all that was there',
      async (encryption) => {
        const env = { OBLETH_DATABASE_URL: url }
        const key = makeKey(encryption, place.root)
        const inserting = insertAlways(url)
        const taken = await place.run(['backup', 'postgres', ...key.take], env)
        const inserted = await inserting.stop()
        expect(taken.code, taken.stderr + taken.stdout).toBe(0)
        expect(inserted).toBeGreaterThan(0)
        const backup = JSON.parse(taken.stdout)
        expect(backup).toMatchObject({ status: 'ok', encryption, contents: { databases: [DATABASE] } })
        expect(backup.contents.facts).toMatchObject({ largeObjects: 1, extensions: ['pgcrypto'], rolePasswords: true })
        const counted = Object.fromEntries(
          (backup.contents.tables as { table: string; rows: number }[]).map(({ table, rows }) => [table, rows]),
        )
        const seen = counted['public.audit_log']
        expect(seen).toBeGreaterThanOrEqual(ROWS['public.audit_log'])
        expect({ ...counted, 'public.audit_log': 0 }).toEqual({ ...ROWS, 'public.audit_log': 0 })
        if (encryption !== 'none')
          for (const { path } of backup.files) expect(path).toMatch(new RegExp(`\\.${encryption}$`))

        const verified = await place.run(['backups', 'verify', ...key.open])
        expect(verified.code, verified.stdout + verified.stderr).toBe(0)
        expect(JSON.parse(verified.stdout).verified).toMatchObject([{ id: backup.id, opened: true, findings: [] }])

        const drilled = await place.run(['backups', 'drill', ...key.open])
        expect(drilled.code, drilled.stdout + drilled.stderr).toBe(0)
        expect(JSON.parse(drilled.stdout).drilled).toMatchObject([{ id: backup.id, findings: [] }])
        // Neither the scratch server nor what was decrypted is left.
        expect(readdirSync(place.root).filter((name) => name.startsWith('obleth-ledger-'))).toEqual([])

        if (encryption !== 'none') {
          const keyless = await place.run(['restore', 'postgres', '--yes'], env)
          expect([keyless.code, JSON.parse(keyless.stdout).error.code]).toEqual([2, 'config'])
          const strange = await place.run(['restore', 'postgres', ...makeOtherKey(encryption, place), '--yes'], env)
          expect(strange.code, strange.stderr).toBe(12)
          expect(await sql(url, 'SELECT count(*)::int AS n FROM tenants')).toEqual([{ n: ROWS['public.tenants'] }])
        }

        // Rows that came later are no part of the backup: the ids of one connection come in their order.
        await sql(url, `DELETE FROM audit_log WHERE id > ${seen}`)
        const { sequences: _before, ...before } = await contentOf(url)
        await emptyAgain(postgres.url, DATABASE)
        const restored = await place.run(['restore', 'postgres', ...key.open, '--yes'], env)
        expect(restored.code, restored.stdout + restored.stderr).toBe(0)
        expect(JSON.parse(restored.stdout)).toMatchObject({ status: 'ok', restored: true, differences: [] })
        const { sequences: _after, ...after } = await contentOf(url)
        expect(after).toEqual(before)
        expect(Number((await sql(url, `SELECT nextval('audit_log_id_seq') AS next`))[0].next)).toBeGreaterThan(seen)
      },
    )
  })
})
