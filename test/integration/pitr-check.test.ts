import { once } from 'node:events'
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PitrCheck } from '../../src/domain/pitr.js'
import { hasProgram } from '../support/archived-cluster.js'
import { hasPgbackrest, PgbackrestScene, shifted } from '../support/pgbackrest-scene.js'

const SECOND_MS = 1000

let scene: PgbackrestScene
beforeAll(async () => {
  if (hasPgbackrest) scene = await PgbackrestScene.start()
})
afterAll(() => scene?.cluster.remove())

describe.skipIf(!hasPgbackrest)('what stands between a cluster and its recovery', () => {
  const classes = ({ findings }: PitrCheck) => findings.map((finding) => finding.class)

  it('ages beyond their limits', async () => {
    await scene.cluster.clockPast(new Date(Date.parse(scene.two) + SECOND_MS).toISOString())
    const old = await scene.check('--max-backup-age', '1s', '--max-wal-age', '1s')
    expect([old.code, old.status, classes(old)]).toEqual([4, 'mismatch', ['backup_too_old', 'wal_too_old']])
    expect((await scene.check('--max-backup-age', '1d', '--max-wal-age', '1d')).code).toBe(0)
  })

  it.each([
    ['none', 'true'],
    ['lz4', 'lz4'],
    ['zst', 'zstd'],
    ['bz2', 'bzip2'],
  ])('nothing, with segments compressed by %s', async (type, program) => {
    if (!hasProgram(program, program)) return
    const text = readFileSync(scene.config, 'utf8').replace(/^compress-type=.*\n/m, '')
    writeFileSync(scene.config, text.replace('[global]', `[global]\ncompress-type=${type}`))
    scene.two = await scene.cluster.insert(type)
    expect(await scene.check()).toMatchObject({ code: 0, window: { before: scene.two } })
    const [newest] = readdirSync(scene.at(`repository/archive/${scene.stanza}/15-1/0000000100000000`)).slice(-1)
    expect(newest).toMatch(type === 'none' ? /-[0-9a-f]{40}$/ : new RegExp(`\\.${type}$`))
  })

  it('a segment that is not what it was', async () => {
    const folder = scene.at(`repository/archive/${scene.stanza}/15-1/0000000100000000`)
    const before = await scene.check()
    const [newest] = readdirSync(folder).slice(-1)
    const whole = readFileSync(`${folder}/${newest}`)
    await scene.cluster.stop()
    for (const bad of [whole.subarray(0, whole.length - 20), Buffer.concat([whole, whole])]) {
      writeFileSync(`${folder}/${newest}`, bad)
      const ran = await scene.check()
      expect(ran).toMatchObject({ code: 1, error: { code: 'source_failed', place: newest.slice(0, 24) } })
    }
    writeFileSync(`${folder}/${newest}`, whole)
    await scene.cluster.start()
    expect((await scene.check()).window).toEqual(before.window)
  })

  it('archiving that fails', async () => {
    await scene.cluster.query("ALTER SYSTEM SET archive_command = 'false'")
    await scene.cluster.query('SELECT pg_reload_conf()')
    const late = await scene.cluster.insert('three')
    await scene.cluster.closeSegment()
    const failed = 'SELECT failed_count > 0 AS failed FROM pg_stat_archiver'
    while ((await scene.cluster.query(failed))[0].failed !== true);
    const found = await scene.check('--tool-timeout', '10s')
    expect([found.code, classes(found)]).toEqual([4, ['archiving_failing', 'tool_check_failed']])
    expect(found.window?.before).toBe(scene.two)
    expect((await scene.restore('--to', shifted(late, -1n), '--into', scene.at('none'), '--yes')).code).toBe(5)
    await scene.cluster.query('ALTER SYSTEM RESET archive_command')
    await scene.cluster.query('SELECT pg_reload_conf()')
    expect(await scene.check()).toMatchObject({ code: 0, window: { before: late } })
    scene.two = late
  })

  it('archiving that is off, and a server that does not answer; what is archived is told all the same', async () => {
    await scene.cluster.stop()
    const silent = await scene.check()
    expect([silent.code, classes(silent), silent.server]).toEqual([4, ['server_unreachable'], null])
    expect(silent.window?.before).toBe(scene.two)
    await scene.cluster.start(scene.cluster.data, 'archive_mode=off')
    const off = await scene.check()
    expect([off.code, classes(off)]).toEqual([4, ['archiving_off', 'tool_check_failed']])
    await scene.cluster.stop()
    await scene.cluster.start()
  })

  it('a passphrase that is a wrong one, though pgBackRest ends with 0', async () => {
    const encrypted = scene.at('etc/encrypted.conf')
    const text = readFileSync(scene.config, 'utf8').replace(
      /^repo1-path=.*$/m,
      `repo1-path=${scene.cluster.folder('encrypted')}`,
    )
    writeFileSync(encrypted, text.replace('[global]', '[global]\nrepo1-cipher-type=aes-256-cbc'))
    const stanza = [`--config=${encrypted}`, `--stanza=${scene.stanza}`]
    scene.cluster.run('pgbackrest', [...stanza, 'stanza-create'], { PGBACKREST_REPO1_CIPHER_PASS: 'right-one' })
    const args = ['pitr', 'check', ...scene.reached(encrypted)]
    const wrong = await scene.command(args, { PGBACKREST_REPO1_CIPHER_PASS: 'wrong-one' })
    expect(wrong).toMatchObject({ code: 12, error: { code: 'access_denied' } })
    expect(JSON.stringify(wrong)).not.toMatch(/wrong-one|right-one/)
    const right = await scene.command([...args, '--tool-timeout', '10s'], { PGBACKREST_REPO1_CIPHER_PASS: 'right-one' })
    expect(classes(right)).toContain('no_backup')
  })

  it.skipIf(process.getuid?.() !== 0)('a repository that its owner may not read', async () => {
    const folder = scene.at('repository/backup')
    chmodSync(folder, 0o000)
    const ran = await scene.check()
    chmodSync(folder, 0o750)
    expect(ran).toMatchObject({ code: 12, error: { code: 'access_denied', message: expect.stringContaining(folder) } })
  })

  it('a store that does not answer: told within the time given', async () => {
    const sockets: Socket[] = []
    const dead = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1')
    await once(dead, 'listening')
    const { port } = dead.address() as { port: number }
    const s3 = scene.at('etc/s3.conf')
    const store = ['repo1-type=s3', 'repo1-s3-bucket=wal', 'repo1-s3-endpoint=127.0.0.1', `repo1-storage-port=${port}`]
    const rest = ['repo1-s3-region=x', 'repo1-path=/pg', `[${scene.stanza}]`, `pg1-path=${scene.cluster.data}`]
    writeFileSync(s3, ['[global]', ...store, ...rest, ''].join('\n'))
    const keys = { PGBACKREST_REPO1_S3_KEY: 'key-of-store', PGBACKREST_REPO1_S3_KEY_SECRET: 'secret-of-store' }
    const ran = await scene.command(['pitr', 'check', ...scene.reached(s3), '--tool-timeout', '3s'], keys)
    for (const socket of sockets) socket.destroy()
    dead.close()
    expect(ran).toMatchObject({ code: 13, error: { code: 'target_unreachable', message: /3 s/ } })
    expect(JSON.stringify(ran)).not.toContain('secret-of-store')
  })
})
