import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BackupDir, type CommandEnd } from '../support/backup-dir.js'
import { seeded } from '../support/kill-run.js'
import { fillObleth, sql, urlOf } from '../support/obleth-postgres.js'
import { postgresPrograms, startPostgres, type TestPostgres } from '../support/postgres.js'

const programs = postgresPrograms()
const POLL_MS = 5
const SEEDS = [1, 2, 3, 4, 5]

interface Backup {
  readonly id: string
  readonly state: string
}
const errorOf = ({ document }: CommandEnd) => document.error as { code: string; message: string; hint: string }

describe.skipIf(programs === null)('a backup of Postgres that cannot be made', () => {
  let postgres: TestPostgres
  let place: BackupDir
  let url: string
  /** A good backup from before. */
  let earlier: string
  beforeAll(async () => {
    postgres = await startPostgres(programs as string)
    url = await fillObleth(postgres.url, 'obleth')
    place = new BackupDir()
    const taken = await place.run(['backup', 'postgres'], { OBLETH_DATABASE_URL: url })
    earlier = (JSON.parse(taken.stdout) as { id: string }).id
    // Enough that pg_dump takes some time, and that it does not compress to nothing.
    await sql(url, 'CREATE TABLE bulk AS SELECT n, gen_random_bytes(200) AS bytes FROM generate_series(1, 60000) n')
  })
  afterAll(async () => {
    place?.remove()
    await postgres?.stop()
  })

  const list = async (of = place): Promise<Backup[]> => {
    const { stdout } = await of.run(['backups', 'list'])
    return (JSON.parse(stdout) as { backups: Backup[] }).backups.map(({ id, state }) => ({ id, state }))
  }
  /** Only the earlier backup is there, and sound. */
  const expectOnlyEarlier = async () => {
    expect(await list()).toEqual([{ id: earlier, state: 'complete' }])
    expect(readdirSync(join(place.backups, 'postgres'))).toEqual([earlier])
    expect((await place.run(['backups', 'verify', earlier])).code).toBe(0)
  }
  const start = () => place.start(['backup', 'postgres'], { OBLETH_DATABASE_URL: url })
  /** Waits until bytes of the new backup's dump are in the storage. */
  const dumping = async () => {
    for (;;) {
      const folder = readdirSync(join(place.backups, 'postgres')).find((id) => id !== earlier)
      const path = join(place.backups, 'postgres', folder ?? '')
      const file = folder && readdirSync(path).find((name) => name.startsWith('database.dump.'))
      if (file && statSync(join(path, file), { throwIfNoEntry: false })?.size) return
      await sleep(POLL_MS)
    }
  }

  it.each([
    ['pg_dump', "application_name = 'obleth-ledger' AND query LIKE 'COPY %'", 13, 'target_unreachable'],
    ['the snapshot', "application_name = 'obleth-ledger' AND state = 'idle in transaction'", 13, 'target_unreachable'],
  ])(
    'since the session of %s is ended leaves no trace, and the earlier one is as it was',
    async (_, which, code, error) => {
      const started = start()
      await dumping()
      const ended = await sql(url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${which}`)
      expect(ended.length).toBeGreaterThan(0)
      const end = await started.ended
      expect([end.code, errorOf(end).code], end.stdout).toEqual([code, error])
      expect(errorOf(end).hint).toContain('run the same command again')
      await expectOnlyEarlier()
    },
  )

  it('since pg_dump itself is killed leaves no trace', async () => {
    const started = start()
    await dumping()
    const pid = readdirSync('/proc').find((id) => /^\d+$/.test(id) && argumentsOf(id).includes('--snapshot='))
    process.kill(Number(pid), 'SIGKILL')
    const end = await started.ended
    expect([end.code, errorOf(end).code], end.stdout).toEqual([1, 'target_failed'])
    await expectOnlyEarlier()
  })

  it('shows no password to other users while it runs', async () => {
    const started = start()
    await dumping()
    const all = readdirSync('/proc')
      .filter((id) => /^\d+$/.test(id))
      .map(argumentsOf)
    expect(all.some((text) => text.includes('--snapshot='))).toBe(true)
    expect(all.filter((text) => text.includes('pa55-word'))).toEqual([])
    started.kill('SIGTERM')
    await started.ended
    await expectOnlyEarlier()
  })

  it('names what of the address is wrong: 10 for the database, 12 for the password, 13 for the server', async () => {
    const wrong = async (address: string) => {
      const end = await place.run(['backup', 'postgres', '--json'], { OBLETH_DATABASE_URL: address })
      return [end.code, errorOf(end).hint] as const
    }
    expect(await wrong(urlOf(url, 'nowhere'))).toEqual([10, expect.stringContaining('name of the database')])
    expect(await wrong(urlOf(url, 'obleth', 'obleth', 'wrong'))).toEqual([
      12,
      expect.stringContaining('user and password'),
    ])
    const nobody = new URL(url)
    nobody.port = '1'
    expect((await wrong(nobody.href))[0]).toBe(13)
    await expectOnlyEarlier()
  })

  it('stopped by SIGTERM is cleared away', async () => {
    const started = start()
    await dumping()
    started.kill('SIGTERM')
    const end = await started.ended
    expect([end.code, errorOf(end).code]).toEqual([143, 'interrupted'])
    await expectOnlyEarlier()
  })

  it('since the disk of the backups is full says so, and works once there is room', async ({ skip }) => {
    const small = join(place.root, 'small')
    mkdirSync(small)
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', small]).status !== 0)
      skip('a small disk can be mounted only by root')
    try {
      const env = { OBLETH_DATABASE_URL: url, OBLETH_LEDGER_BACKUPS: small }
      const full = await place.run(['backup', 'postgres'], env)
      expect([full.code, errorOf(full).code], full.stdout).toEqual([1, 'disk_full'])
      expect(errorOf(full).hint).toMatch(/space/)
      expect(readdirSync(small, { recursive: true })).toEqual(['postgres'])
      spawnSync('mount', ['-o', 'remount,size=256m', small])
      expect((await place.run(['backup', 'postgres'], env)).code).toBe(0)
    } finally {
      spawnSync('umount', [small])
    }
  })

  it('by a user who may not read everything is refused; one who may reads roles without passwords', async () => {
    await sql(url, "CREATE ROLE reader LOGIN PASSWORD 'pa55-reader'")
    const env = { OBLETH_DATABASE_URL: urlOf(url, 'obleth', 'reader', 'pa55-reader') }
    const refused = await place.run(['backup', 'postgres'], env)
    expect([refused.code, errorOf(refused).code]).toEqual([12, 'access_denied'])
    await expectOnlyEarlier()
    await sql(url, 'GRANT pg_read_all_data TO reader')
    const [{ oid }] = await sql(url, 'SELECT oid FROM pg_largeobject_metadata')
    await sql(url, `GRANT SELECT ON LARGE OBJECT ${oid} TO reader`)
    const taken = await place.run(['backup', 'postgres'], env)
    expect(taken.code, taken.stdout).toBe(0)
    const { id, contents, notes } = JSON.parse(taken.stdout)
    const folder = join(place.backups, 'postgres', id)
    expect(contents.facts.rolePasswords).toBe(false)
    expect(notes.join()).toContain('reader is none')
    const globals = readFileSync(join(folder, 'globals.sql'), 'utf8')
    expect(globals).toContain('CREATE ROLE app_rw;')
    expect(globals).not.toContain('PASSWORD')
    expect((await place.run(['backups', 'drill', id])).code).toBe(0)
    rmSync(folder, { recursive: true })
  })

  it('killed at any moment is complete or shown as incomplete, and pruned', async () => {
    const ground = new BackupDir()
    const take = () => ground.start(['backup', 'postgres'], { OBLETH_DATABASE_URL: url })
    const began = performance.now()
    expect((await take().ended).code).toBe(0)
    const lastsMs = performance.now() - began
    const complete = new Set((await list(ground)).map(({ id }) => id))
    for (const seed of SEEDS) {
      const started = take()
      await sleep(seeded(seed)() * lastsMs)
      started.kill('SIGKILL')
      await started.ended
      for (const { id, state } of await list(ground)) {
        expect([seed, ['complete', 'incomplete'].includes(state)]).toEqual([seed, true])
        if (state === 'complete') complete.add(id)
      }
      const pruned = await ground.run(['backups', 'prune', '--confirm', '--keep-last', '100'])
      expect(pruned.code, pruned.stderr).toBe(0)
      expect(new Set(readdirSync(join(ground.backups, 'postgres')))).toEqual(complete)
    }
    expect((await ground.run(['backups', 'verify'])).code).toBe(0)
    ground.remove()
  })

  it('since its server crashes leaves no trace', async () => {
    const started = start()
    await dumping()
    process.kill(postgres.pid, 'SIGKILL')
    const end = await started.ended
    expect([end.code, errorOf(end).code], end.stdout).toEqual([13, 'target_unreachable'])
    await expectOnlyEarlier()
  })
})

/** What any user can read of a process. */
function argumentsOf(pid: string): string {
  const file = `/proc/${pid}/cmdline`
  try {
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  } catch {
    return ''
  }
}
