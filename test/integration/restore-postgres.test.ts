import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { BackupDir, type CommandEnd } from '../support/backup-dir.js'
import { canEncrypt, makeKey } from '../support/keys.js'
import { contentOf, emptyAgain, fillObleth, sql, urlOf } from '../support/obleth-postgres.js'
import { postgresPrograms, startPostgres, type TestPostgres } from '../support/postgres.js'

const programs = postgresPrograms()
const POLL_MS = 20

interface Document {
  readonly status: string
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string }
  readonly [name: string]: unknown
}
const documentOf = ({ document }: CommandEnd) => document as Document
const errorOf = (end: CommandEnd) => documentOf(end).error ?? { code: '', message: end.stdout, hint: '' }

describe.skipIf(programs === null)('restoring Postgres', () => {
  let source: TestPostgres
  /** A server that knows none of the roles. */
  let other: TestPostgres
  let place: BackupDir
  /** The database that was backed up, and what it held. */
  let url: string
  let content: Record<string, string>

  beforeAll(async () => {
    ;[source, other] = await Promise.all([startPostgres(programs as string), startPostgres(programs as string)])
    place = new BackupDir()
    url = await fillObleth(source.url, 'obleth')
    content = await contentOf(url)
    const { code, stdout } = await place.run(['backup', 'postgres'], { OBLETH_DATABASE_URL: url })
    expect(code, stdout).toBe(0)
  })
  afterAll(async () => {
    place?.remove()
    await Promise.all([source?.stop(), other?.stop()])
  })

  const restore = (target: string, ...args: string[]) =>
    place.run(['restore', 'postgres', ...args], { OBLETH_DATABASE_URL: target })

  describe('into a database that holds something else', () => {
    let target: string
    let before: Record<string, string>
    beforeEach(async () => {
      await sql(source.url, 'DROP DATABASE IF EXISTS target WITH (FORCE)')
      target = await fillObleth(source.url, 'target')
      await sql(target, "DELETE FROM audit_log WHERE id > 7; INSERT INTO app_settings VALUES ('new', '1')")
      await sql(target, 'CREATE TABLE ours (n int); INSERT INTO ours VALUES (1), (2)')
      before = await contentOf(target)
    })
    const expectAsItWas = async () => expect(await contentOf(target)).toEqual(before)

    it('asks first: without a terminal and --yes it refuses', async () => {
      const refused = await restore(target)
      expect([refused.code, errorOf(refused).code]).toEqual([5, 'refused'])
      expect(errorOf(refused).hint).toContain('--dry-run')
      await expectAsItWas()
    })

    it.skipIf(!canEncrypt('age'))('plans nothing that it has no key for', async () => {
      const sealed = new BackupDir()
      try {
        const { take, open } = makeKey('age', sealed.root)
        const made = await sealed.run(['backup', 'postgres', ...take], { OBLETH_DATABASE_URL: url })
        expect(made.code, made.stderr).toBe(0)
        const plan = (...more: string[]) =>
          sealed.run(['restore', 'postgres', '--dry-run', ...more], { OBLETH_DATABASE_URL: target })
        const planned = await plan()
        expect([planned.code, errorOf(planned).hint]).toEqual([2, expect.stringContaining('--age-identity')])
        expect((await plan(...open)).code).toBe(0)
      } finally {
        await sealed.remove()
      }
      await expectAsItWas()
    })

    it('shows with --dry-run what would be replaced, and changes nothing', async () => {
      const session = new pg.Client({ connectionString: target, application_name: 'router-0' })
      await session.connect()
      const planned = await restore(target, '--dry-run')
      await session.end()
      expect(planned.code, planned.stderr).toBe(0)
      const { plan, restored } = documentOf(planned) as unknown as {
        plan: { notes: string[]; tables: object[]; sessions: object[]; largeObjects: object }
        restored: boolean
      }
      expect(restored).toBe(false)
      expect(plan.tables).toContainEqual({ table: 'public.audit_log', now: 7, inBackup: 50_000 })
      expect(plan.tables).toContainEqual({ table: 'public.ours', now: 2, inBackup: null })
      expect(plan.notes.join()).toContain('default privileges')
      expect(plan.largeObjects).toEqual({ now: 1, inBackup: 1 })
      expect(plan.sessions).toMatchObject([{ application: 'router-0', user: 'obleth' }])
      await expectAsItWas()
    })

    it('replaces what the backup has, leaves the rest, and says what comes next', async () => {
      const text = await place.text(['restore', 'postgres', '--yes'], { OBLETH_DATABASE_URL: target })
      expect(text.code, text.stderr).toBe(0)
      expect(text.stdout).toContain('restart obleth pods so that they reload their cache')
      expect(text.stdout).not.toContain('pa55')
      const after = await contentOf(target)
      expect(after['rows of public.ours']).toBe(before['rows of public.ours'])
      for (const [what, hash] of Object.entries(content))
        if (what.startsWith('rows of')) expect([what, after[what]]).toEqual([what, hash])
    })

    it('is taken back whole where a view that the backup does not have stands in the way', async () => {
      await sql(target, 'CREATE VIEW foreign_view AS SELECT name FROM tenants')
      before = await contentOf(target)
      const failed = await restore(target, '--yes')
      expect([failed.code, errorOf(failed).code]).toEqual([5, 'refused'])
      expect(errorOf(failed).message).toContain('foreign_view')
      await expectAsItWas()
    })

    it('says who holds a lock that it has waited for, and gives up', async () => {
      const holder = new pg.Client({ connectionString: target, application_name: 'router-7' })
      await holder.connect()
      await holder.query('BEGIN; SELECT count(*) FROM tenants')
      const { rows } = await holder.query('SELECT pg_backend_pid() AS pid')
      const blocked = await restore(target, '--yes', '--lock-timeout', '1s')
      expect([blocked.code, errorOf(blocked).code]).toEqual([11, 'target_locked'])
      expect(errorOf(blocked).message).toContain(`pid ${rows[0].pid}`)
      expect(errorOf(blocked).message).toContain('router-7')
      await holder.end()
      await expectAsItWas()
    })

    it('stopped by Ctrl-C leaves the target as it was, and no session behind', async () => {
      const holder = new pg.Client(target)
      await holder.connect()
      await holder.query('BEGIN; SELECT count(*) FROM tenants')
      const started = place.start(['restore', 'postgres', '--yes'], { OBLETH_DATABASE_URL: target })
      const ours = () =>
        sql(source.url, "SELECT FROM pg_stat_activity WHERE application_name LIKE 'obleth-ledger restore%'")
      while ((await ours()).length === 0) await sleep(POLL_MS)
      started.kill('SIGINT')
      const stopped = await started.ended
      expect([stopped.code, errorOf(stopped).code], stopped.stderr).toEqual([130, 'interrupted'])
      await holder.end()
      while ((await ours()).length > 0) await sleep(POLL_MS)
      await expectAsItWas()
    })

    it('says that a table is locked which it only wants to count', async () => {
      const holder = new pg.Client(target)
      await holder.connect()
      await holder.query('BEGIN; LOCK TABLE tenants IN ACCESS EXCLUSIVE MODE')
      const locked = await restore(target, '--dry-run', '--lock-timeout', '100ms')
      expect([locked.code, errorOf(locked).code]).toEqual([11, 'target_locked'])
      await holder.end()
    })

    it('killed while it waits does not replace anything later', async () => {
      const holder = new pg.Client(target)
      await holder.connect()
      await holder.query('BEGIN; SELECT count(*) FROM tenants')
      const started = place.start(['restore', 'postgres', '--yes'], { OBLETH_DATABASE_URL: target })
      const ours = (more = '') =>
        sql(source.url, `SELECT FROM pg_stat_activity WHERE application_name LIKE 'obleth-ledger restore%' ${more}`)
      while ((await ours("AND wait_event_type = 'Lock'")).length === 0) await sleep(POLL_MS)
      started.kill('SIGKILL')
      await started.ended
      while ((await ours()).length > 0) await sleep(POLL_MS)
      await holder.end()
      await expectAsItWas()
      // The next one clears away what was decrypted.
      const decrypted = () => readdirSync(place.root).filter((name) => name.startsWith('obleth-ledger-backup-'))
      expect(decrypted()).toHaveLength(1)
      expect((await restore(target, '--yes')).code).toBe(0)
      expect(decrypted()).toEqual([])
    })

    it('refuses a backup whose bytes have changed', async () => {
      const folder = join(place.backups, 'postgres', readdirSync(join(place.backups, 'postgres'))[0])
      const file = join(folder, 'database.dump')
      const sound = readFileSync(file)
      const damaged = Buffer.from(sound)
      damaged[damaged.length >> 1] ^= 1
      writeFileSync(file, damaged)
      try {
        const refused = await restore(target, '--yes')
        expect([refused.code, errorOf(refused).code]).toEqual([1, 'verification_failed'])
        await expectAsItWas()
      } finally {
        writeFileSync(file, sound)
      }
    })

    it('without room to bring the backup here says so', async ({ skip }) => {
      const small = join(place.root, 'small')
      mkdirSync(small)
      if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small]).status !== 0)
        skip('a small disk can be mounted only by root')
      const full = await place.run(['restore', 'postgres', '--yes'], {
        OBLETH_DATABASE_URL: target,
        TMPDIR: small,
      })
      const left = readdirSync(small)
      spawnSync('umount', [small])
      expect([full.code, errorOf(full).code], full.stdout).toEqual([1, 'disk_full'])
      expect(left).toEqual([])
      await expectAsItWas()
    })

    it('ends with 4 where what is there afterwards is not what the backup has', async () => {
      // As a pod does that is still connected: a row more while the restore is under way.
      await sql(
        target,
        `CREATE SCHEMA busy; CREATE FUNCTION busy.insert() RETURNS event_trigger LANGUAGE plpgsql AS
          $$ BEGIN INSERT INTO public.app_settings VALUES ('busy', '1'); END $$;
        CREATE EVENT TRIGGER busy ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION busy.insert()`,
      )
      const marker = join(place.root, 'restarted-in-vain')
      const differs = await restore(target, '--yes', '--restart-command', `touch ${marker}`)
      expect(differs.code, differs.stderr).toBe(4)
      expect(documentOf(differs)).toMatchObject({ status: 'mismatch', restart: null })
      expect(documentOf(differs).differences).toEqual(['public.app_settings has 31 rows where the backup has 30'])
      expect(readdirSync(place.root)).not.toContain('restarted-in-vain')
    })
  })

  describe('into a server that lacks the roles', () => {
    let target: string
    beforeEach(async () => {
      target = urlOf(other.url, 'obleth')
      await emptyAgain(other.url, 'obleth')
    })
    afterEach(async () => {
      await sql(other.url, 'DROP DATABASE IF EXISTS obleth WITH (FORCE)')
      await sql(other.url, 'DROP ROLE IF EXISTS app_rw, app_ro, "App Login"')
    })

    it('lists them and refuses', async () => {
      const refused = await restore(target, '--yes')
      expect([refused.code, errorOf(refused).code]).toEqual([5, 'refused'])
      expect(errorOf(refused).message).toContain('app_ro, app_rw')
      expect(await sql(target, "SELECT FROM pg_tables WHERE schemaname = 'public'")).toEqual([])
    })

    it('makes them from the backup with --roles create, with those who log in through them', async () => {
      const done = await restore(target, '--yes', '--roles', 'create')
      expect(done.code, done.stdout).toBe(0)
      expect(await contentOf(target)).toEqual(content)
      const login = urlOf(other.url, 'obleth', 'App Login', 'l0gin-pass')
      expect(await sql(login, 'SELECT count(*)::int AS n FROM tenants')).toEqual([{ n: 40 }])
    })

    it('takes them back where the restore fails', async () => {
      await sql(target, 'CREATE TABLE tenants (id uuid); CREATE VIEW foreign_view AS SELECT id FROM tenants')
      const failed = await restore(target, '--yes', '--roles', 'create')
      expect(failed.code, failed.stdout).toBe(5)
      expect(await sql(other.url, "SELECT FROM pg_roles WHERE rolname LIKE 'app%' OR rolname LIKE 'App%'")).toEqual([])
    })

    it('does without owners and grants with --roles ignore, and says which are lost', async () => {
      const done = await restore(target, '--yes', '--roles', 'ignore')
      expect(done.code, done.stdout).toBe(0)
      const lost = documentOf(done).lost as string[]
      expect(lost).toContain('GRANT SELECT ON TABLE public.models TO app_ro;')
      expect(lost).toContain('ALTER TABLE public.tenants OWNER TO app_rw;')
      const owners = await sql(target, "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
      expect(owners).toEqual([{ tableowner: 'obleth' }])
    })

    it('works for a user who owns only the database, beside an extension of the administrator', async () => {
      await sql(other.url, "CREATE ROLE plain LOGIN PASSWORD 'pa55-plain'; ALTER DATABASE obleth OWNER TO plain")
      await sql(target, 'CREATE EXTENSION pgcrypto')
      const done = await restore(urlOf(other.url, 'obleth', 'plain', 'pa55-plain'), '--yes', '--roles', 'ignore')
      expect(done.code, done.stdout).toBe(0)
      expect(documentOf(done)).toMatchObject({ plan: { keptExtensions: ['pgcrypto'] }, differences: [] })
      const rows = Object.entries(await contentOf(target)).filter(([what]) => what.startsWith('rows of'))
      for (const [what, hash] of rows) expect([what, hash]).toEqual([what, content[what]])
      await sql(other.url, 'DROP DATABASE obleth WITH (FORCE)')
      await sql(other.url, 'DROP ROLE plain')
    })

    it('runs the restart command, and tells its failure from one of the restore', async () => {
      const marker = join(place.root, 'restarted')
      const done = await restore(target, '--yes', '--roles', 'create', '--restart-command', `touch ${marker}`)
      expect(done.code, done.stdout).toBe(0)
      expect(readdirSync(place.root)).toContain('restarted')
      const failed = await restore(target, '--yes', '--restart-command', 'echo no such cluster >&2; exit 3')
      expect([failed.code, documentOf(failed).status]).toEqual([1, 'failed'])
      expect(documentOf(failed)).toMatchObject({ differences: [], restart: { exitCode: 3, said: 'no such cluster' } })
    })
  })

  it('into a server that crashes tells that it is gone', async () => {
    const crashing = await startPostgres(programs as string)
    await sql(crashing.url, 'CREATE TABLE tenants (id int); INSERT INTO tenants VALUES (1)')
    const holder = new pg.Client(crashing.url)
    holder.on('error', () => {})
    await holder.connect()
    await holder.query('BEGIN; SELECT count(*) FROM tenants')
    const started = place.start(['restore', 'postgres', '--yes', '--roles', 'ignore'], {
      OBLETH_DATABASE_URL: crashing.url,
    })
    const waiting = () => sql(crashing.url, "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    while ((await waiting()).length === 0) await sleep(POLL_MS)
    process.kill(crashing.pid, 'SIGKILL')
    const end = await started.ended
    await crashing.stop()
    expect([end.code, errorOf(end).code], end.stdout).toEqual([13, 'target_unreachable'])
  })

  describe('in a drill that is stopped', () => {
    const folderOf = () => readdirSync(place.root).find((name) => name.startsWith('obleth-ledger-drill-'))
    const processes = (folder: string) =>
      readdirSync('/proc')
        .filter((id) => /^\d+$/.test(id))
        .filter((id) => commandLine(id).includes(folder))
    const running = async () => {
      for (;;) {
        const folder = folderOf()
        const socket = folder === undefined ? '' : join(place.root, folder, 'server', '.s.PGSQL.5432')
        if (folder !== undefined && existsSync(socket)) return folder
        await sleep(POLL_MS)
      }
    }

    it('by SIGTERM leaves neither server nor files', async () => {
      const started = place.start(['backups', 'drill'])
      const folder = await running()
      started.kill('SIGTERM')
      const end = await started.ended
      expect([end.code, errorOf(end).code], end.stdout).toEqual([143, 'interrupted'])
      expect([folderOf(), processes(folder)]).toEqual([undefined, []])
    })

    it('by SIGKILL leaves no server', async () => {
      const started = place.start(['backups', 'drill'])
      const folder = await running()
      expect(processes(folder).length).toBeGreaterThan(0)
      started.kill('SIGKILL')
      await started.ended
      while (processes(folder).length > 0) await sleep(POLL_MS)
      // The next one clears away what was restored.
      expect(folderOf()).toBe(folder)
      expect((await place.run(['backups', 'drill'])).code).toBe(0)
      expect(folderOf()).toBeUndefined()
    })
  })

  it.each([
    ['a database that does not exist', () => urlOf(source.url, 'nowhere'), 5, 'refused', /createdb/],
    ['a wrong password', () => urlOf(source.url, 'obleth', 'obleth', 'pa55-wrong'), 12, 'access_denied', /password/],
    ['a server that is away', () => 'postgres://u:pa55@127.0.0.1:9/obleth', 13, 'target_unreachable', /server runs/],
    ['a parameter that is not known', () => `${source.url}?service=x`, 2, 'config', /postgres:\/\//],
  ])('tells %s', async (_, target, code, error, hint) => {
    const end = await restore(target(), '--yes')
    expect([end.code, errorOf(end).code]).toEqual([code, error])
    expect(errorOf(end).hint).toMatch(hint)
    expect(end.stdout + end.stderr).not.toContain('pa55')
  })

  it('tells a backup that is not there', async () => {
    const end = await restore(url, '20200101T000000Z-000000', '--yes')
    expect([end.code, errorOf(end).code]).toEqual([10, 'source_not_found'])
  })

  describe('with a manifest that says something else', () => {
    let manifest: string
    let sound: string
    beforeAll(() => {
      manifest = join(place.backups, 'postgres', readdirSync(join(place.backups, 'postgres'))[0], 'manifest.json')
      sound = readFileSync(manifest, 'utf8')
    })
    afterEach(() => writeFileSync(manifest, sound))
    const change = (from: RegExp, to: string) => {
      const changed = sound.replace(from, to)
      expect(changed).not.toBe(sound)
      writeFileSync(manifest, changed)
    }

    it('refuses a backup of a newer server than the target', async () => {
      change(/"serverVersion": "[^"]*"/, '"serverVersion": "18.4"')
      const refused = await restore(url, '--yes')
      expect([refused.code, errorOf(refused).code]).toEqual([5, 'refused'])
      expect(errorOf(refused).message).toMatch(/PostgreSQL 18\.4.*target is 1\d\.\d+/s)
      expect(await contentOf(url)).toEqual(content)
    })

    it('refuses one whose extension the target cannot have', async () => {
      change(/"pgcrypto"/, '"nowhere_to_be_found"')
      const refused = await restore(url, '--yes')
      expect([refused.code, errorOf(refused).code]).toEqual([5, 'refused'])
      expect(errorOf(refused).message).toContain('nowhere_to_be_found')
    })

    it('finds with a drill that large objects and rows are missing, and with verify a table', async () => {
      change(/"largeObjects": 1/, '"largeObjects": 2')
      const drilled = await place.run(['backups', 'drill'])
      expect(drilled.code, drilled.stderr).toBe(4)
      expect(documentOf(drilled).drilled).toMatchObject([
        { findings: ['there are only 1 large objects where the backup has 2'] },
      ])
      change(/"dumpedTables": \d+/, '"dumpedTables": 99')
      const verified = await place.run(['backups', 'verify'])
      expect(verified.code, verified.stderr).toBe(4)
      expect(JSON.stringify(documentOf(verified).verified)).toContain('tables where there were 99')
    })
  })
})

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}
