import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { digestOfLasting } from '../../src/backup/redis/digest.js'
import { redisStore } from '../../src/backup/redis/store.js'
import { withSpooled } from '../../src/backup/spool.js'
import { directoryStorage } from '../../src/backup/storage/directory.js'
import type { BackupManifest } from '../../src/domain/backup.js'
import { BackupDir } from '../support/backup-dir.js'
import { withoutStrace } from '../support/kill-rename.js'
import { fill, noRedis, TestRedis } from '../support/redis.js'

const OLD = {
  'dump.rdb': 'old',
  'appendonlydir/appendonly.aof.manifest': 'old',
  'appendonly.aof': 'older',
  users: 'mine',
}

describe.skipIf(noRedis !== null)('restoring a Redis', () => {
  let dir: BackupDir
  let manifest: BackupManifest
  let content: ReadonlyMap<string, unknown>
  const servers: TestRedis[] = []
  beforeAll(async () => {
    dir = new BackupDir()
    const redis = await TestRedis.start(dir.folder('live'), { settings: { appendonly: 'yes' } })
    await fill(redis)
    content = await redis.content()
    const args = ['backup', 'redis', '--redis-data-dir', redis.dir]
    const ran = await dir.run(args, { OBLETH_LEDGER_REDIS_URL: redis.url })
    expect(ran.code, ran.output).toBe(0)
    manifest = ran.document
    await redis.stop()
  })
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop()
  })
  afterAll(() => dir.remove())

  const restore = (into: string, ...more: string[]) => dir.run(['restore', 'redis', '--into', into, '--yes', ...more])
  const start = async (folder: string, appendonly: 'yes' | 'no') => {
    const server = await TestRedis.start(folder, { settings: { appendonly } })
    servers.push(server)
    return server
  }
  /** A directory with files of an earlier server. */
  const used = (name: string): string => {
    const into = dir.folder(name)
    for (const [path, text] of Object.entries(OLD)) {
      mkdirSync(join(into, path, '..'), { recursive: true })
      writeFileSync(join(into, path), text)
    }
    return into
  }
  const keptIn = (into: string) => readdirSync(into).filter((name) => name.startsWith('obleth-ledger-before-'))

  it('refuses a directory that a running server uses, and goes once that has stopped', async () => {
    const server = await start(dir.folder('running'), 'yes')
    await server.send('SET', 'mine', '1')
    const refused = await restore(server.dir)
    expect(refused).toMatchObject({
      code: 5,
      document: { error: { message: expect.stringContaining('redis-server') } },
    })
    expect(await server.send('GET', 'mine')).toEqual(Buffer.from('1'))
    await server.stop()
    expect(await restore(server.dir)).toMatchObject({ code: 0 })
  })

  it('a shell that stands in the directory is no server', async () => {
    const into = dir.folder('visited')
    const shell = spawn('sleep', ['60'], { cwd: into, stdio: 'ignore' })
    try {
      expect(await restore(into)).toMatchObject({ code: 0 })
    } finally {
      shell.kill()
    }
  })

  it('keeps what was there, passes over what is not its own, and names what it did', async () => {
    const into = used('used')
    const { document } = await restore(into)
    expect(document.plan.replaced).toEqual(['appendonlydir', 'dump.rdb', 'appendonly.aof'])
    expect(readFileSync(join(into, 'users'), 'utf8')).toBe('mine')
    for (const [path, text] of Object.entries(OLD))
      if (path !== 'users') expect(readFileSync(join(document.kept, path), 'utf8')).toBe(text)
    expect(readdirSync(into).sort()).toEqual(['appendonlydir', 'dump.rdb', keptIn(into)[0], 'users'].sort())
  })

  it('files are those of the directory: its owner, its permissions', async ({ skip }) => {
    skip(process.getuid?.() !== 0, 'not root')
    const into = used('owned')
    chmodSync(into, 0o750)
    chownSync(into, 4321, 8765)
    const { document } = await restore(into)
    for (const path of ['dump.rdb', 'appendonlydir', 'appendonlydir/appendonly.aof.manifest']) {
      const { uid, gid, mode } = statSync(join(into, path))
      expect([uid, gid, mode & 0o777]).toEqual([4321, 8765, path === 'appendonlydir' ? 0o750 : 0o640])
    }
    expect(existsSync(document.kept)).toBe(true)
  })

  it('no backup, no directory, none named, no AOF in the backup: 10, 2, 2, 10, with nothing touched', async () => {
    const into = dir.folder('errors')
    expect(await dir.run(['restore', 'redis', '20200101T000000Z-abcdef', '--into', into, '--yes'])).toMatchObject({
      code: 10,
    })
    expect(await restore(join(dir.root, 'nowhere'))).toMatchObject({ code: 2 })
    expect(await dir.run(['restore', 'redis', '--yes'])).toMatchObject({ code: 2 })
    const { id } = await dir.make('redis', { 'dump.rdb': join(dir.backups, 'redis', manifest.id, 'dump.rdb') })
    const args = ['restore', 'redis', id, '--into', into, '--yes', '--redis-from', 'aof']
    expect(await dir.run(args)).toMatchObject({ code: 10 })
    expect(readdirSync(into)).toEqual([])
    rmSync(join(dir.backups, 'redis', id), { recursive: true })
  })

  it('names in a manifest that lead elsewhere are refused', async () => {
    const rdb = join(dir.backups, 'redis', manifest.id, 'dump.rdb')
    for (const facts of [{ dbfilename: '../../evil' }, { appenddirname: '/etc' }, { appendfilename: '..' }]) {
      const { id } = await dir.make('redis', { 'dump.rdb': rdb }, facts)
      expect(await dir.run(['restore', 'redis', id, '--into', dir.folder('evil'), '--yes'])).toMatchObject({ code: 5 })
      rmSync(join(dir.backups, 'redis', id), { recursive: true })
    }
    expect(readdirSync(dir.folder('evil'))).toEqual([])
  })

  it.skipIf(withoutStrace() !== null)(
    'killed at any of its renames, it is gone on with by the same command',
    async () => {
      let killed = 0
      for (let nth = 1; ; nth++) {
        const into = used(`killed-${nth}`)
        // One thread of libuv makes all renames, and is counted by itself.
        const strace = [
          'strace',
          '-f',
          '-o',
          '/dev/null',
          '-e',
          'trace=rename',
          '-e',
          `inject=rename:signal=KILL:when=${nth}`,
        ]
        const args = ['restore', 'redis', '--into', into, '--yes']
        const { code } = await dir.run(args, { UV_THREADPOOL_SIZE: '1' }, strace)
        if (code === 0) break
        killed++
        // Before anything gave way the old files are as they were.
        if (nth === 1) expect(readFileSync(join(into, 'dump.rdb'), 'utf8')).toBe('old')
        if (nth > 1) {
          // Another restore into the half-way directory is refused, and told how to finish this one.
          const other = await restore(into, '--redis-from', 'aof')
          expect(other).toMatchObject({
            code: 5,
            document: { error: { hint: expect.stringContaining('--redis-from rdb') } },
          })
        }
        const again = await restore(into)
        expect(again, again.output).toMatchObject({ code: 0, document: { plan: { goesOn: nth > 1 } } })
        for (const [path, text] of Object.entries(OLD))
          if (path !== 'users') expect(readFileSync(join(into, keptIn(into)[0], path), 'utf8')).toBe(text)
        expect(readdirSync(into).sort()).toEqual(['appendonlydir', 'dump.rdb', keptIn(into)[0], 'users'].sort())
        for (const appendonly of ['yes', 'no'] as const) {
          const server = await start(into, appendonly)
          expect((await server.content()).size).toBe(content.size)
          await server.stop()
        }
      }
      // Prepared, three names that give way, two that come, and what was kept.
      expect(killed).toBe(7)
    },
  )

  it('two at once: one waits for nobody and is refused with 11, or comes second', async () => {
    const into = used('twice')
    const ends = await Promise.all([1, 2, 3].map(() => restore(into)))
    const codes = ends.map(({ code }) => code)
    expect(codes).toContain(0)
    expect(codes.filter((code) => code !== 0 && code !== 11)).toEqual([])
    expect(keptIn(into)).toHaveLength(codes.filter((code) => code === 0).length)
    const server = await start(into, 'yes')
    expect((await server.content()).size).toBe(content.size)
  })

  it('a disk without room for it: the old files are as they were, and nothing is left over', async ({ skip }) => {
    const into = dir.folder('small')
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', into]).status === 0
    skip(!mounted, 'no right to mount')
    try {
      used('small')
      const before = readdirSync(into).sort()
      expect(await restore(into)).toMatchObject({ code: 1, document: { error: { code: 'disk_full' } } })
      expect(readdirSync(into).sort()).toEqual(before)
      expect(readFileSync(join(into, 'dump.rdb'), 'utf8')).toBe('old')
    } finally {
      spawnSync('umount', [into])
    }
  })

  it('a drill proves a backup on a scratch server, and finds what differs', async () => {
    const signal = new AbortController().signal
    const keys = { ageRecipients: undefined, ageIdentity: undefined, gpgPassphraseFile: undefined }
    const store = redisStore({ url: undefined, caFile: undefined, dataDir: undefined })
    const drill = (of: BackupManifest) =>
      withSpooled(directoryStorage(dir.backups), of, keys, signal, (spooled) => store.drill(spooled, signal))
    expect(await drill(manifest)).toEqual([])
    const { contents } = manifest
    const tables = contents.tables.map(({ table, rows }) => ({ table, rows: rows + 1 }))
    const facts = { ...contents.facts, keys: content.size + 1 }
    const findings = await drill({ ...manifest, contents: { ...contents, tables, facts } })
    expect(findings).toContain(`with appendonly no db5 has 1 keys, where the manifest says 2`)
    expect(findings).toContain(
      `with appendonly yes the server has ${content.size} keys and 0 expired ones, of ${content.size + 1} in the backup`,
    )
  })

  it('the digest of a drill sees a value that differs, and no key that expires', async () => {
    const signal = new AbortController().signal
    const digest = async (...commands: string[][]) => {
      const server = await TestRedis.start(dir.folder('digest'), { settings: { 'enable-debug-command': 'yes' } })
      for (const command of commands) await server.send(...command)
      const found = await digestOfLasting({ send: (args) => server.send(...args), close() {} }, [0], signal)
      await server.stop()
      return found
    }
    const one = await digest(['SET', 'a', '1'], ['HSET', 'h', 'f', 'v'])
    expect(await digest(['HSET', 'h', 'f', 'v'], ['SET', 'a', '1'], ['SET', 'gone', '1', 'EX', '100'])).toBe(one)
    expect(await digest(['SET', 'a', '1'], ['HSET', 'h', 'f', 'w'])).not.toBe(one)
  })

  it('a backup of files that have other names is restored under those', async () => {
    const settings = { appenddirname: 'log', appendfilename: 'obleth.aof', dbfilename: 'snap.rdb', appendonly: 'yes' }
    const named = await TestRedis.start(dir.folder('named'), { settings })
    await named.send('SET', 'a', '1')
    const env = { OBLETH_LEDGER_REDIS_URL: named.url }
    const { document } = await dir.run(['backup', 'redis', '--redis-data-dir', named.dir], env)
    await named.stop()
    for (const [part, appendonly] of [
      ['rdb', 'yes'],
      ['rdb', 'no'],
      ['aof', 'yes'],
    ] as const) {
      const into = dir.folder(`named-${part}-${appendonly}`)
      expect(
        (await dir.run(['restore', 'redis', document.id, '--into', into, '--yes', '--redis-from', part])).code,
      ).toBe(0)
      const server = await TestRedis.start(into, { settings: { ...settings, appendonly } })
      servers.push(server)
      expect(await server.send('DBSIZE')).toBe(1)
    }
  })
})
