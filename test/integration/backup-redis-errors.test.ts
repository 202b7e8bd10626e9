import { spawnSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BackupDir } from '../support/backup-dir.js'
import { startCuttingProxy } from '../support/cutting-proxy.js'
import { seeded } from '../support/kill-run.js'
import { fill, noRedis, TestRedis } from '../support/redis.js'
import { hasOpenssl, TestCa } from '../support/server/certificates.js'

describe.skipIf(noRedis !== null)('a backup of Redis that cannot be made', () => {
  let dir: BackupDir
  let redis: TestRedis
  let earlier: readonly unknown[]
  beforeAll(async () => {
    dir = new BackupDir()
    redis = await TestRedis.start(dir.folder('live'), { settings: { appendonly: 'yes' } })
    await fill(redis)
    expect((await dir.run(['backup', 'redis'], { OBLETH_LEDGER_REDIS_URL: redis.url })).code).toBe(0)
    earlier = await dir.list()
  })
  afterAll(async () => {
    await redis.stop()
    dir.remove()
  })

  /** Runs it; whatever goes wrong, the earlier backup stands and nothing else is left. */
  const fails = async (url: string, args: readonly string[] = [], env: Record<string, string> = {}) => {
    const ran = await dir.run(['backup', 'redis', ...args], { OBLETH_LEDGER_REDIS_URL: url, ...env })
    expect(ran.output).not.toContain('pa55')
    expect(await dir.list()).toEqual(
      earlier.map((entry) => expect.objectContaining({ id: (entry as { id: string }).id })),
    )
    expect(await dir.list()).toHaveLength(1)
    return { code: ran.code, ...ran.document.error }
  }
  const at = (port: number) => redis.url.replace(/:\d+\/0$/, `:${port}/0`)

  it('a wrong password: 12, and what rights are needed', async () => {
    expect(await fails(redis.url.replace('pa55', 'other'))).toMatchObject({
      code: 'access_denied',
      hint: expect.stringContaining('+psync'),
    })
  })

  it('a user who may not sync: 12', async () => {
    await redis.send('ACL', 'SETUSER', 'reader', 'on', '>pa55', '+info', '+ping')
    const url = redis.url.replace(/\/\/.*@/, '//reader:pa55@')
    const ran = await dir.run(['backup', 'redis'], { OBLETH_LEDGER_REDIS_URL: url })
    expect(ran).toMatchObject({ code: 12, document: { error: { code: 'access_denied' } } })
    expect(await dir.list()).toHaveLength(1)
  })

  it('no server: 13', async () => {
    const { code, document } = await dir.run(['backup', 'redis'], { OBLETH_LEDGER_REDIS_URL: at(1) })
    expect([code, document.error?.message.split('ECONNREFUSED').length]).toEqual([13, 2])
  })

  it('a server that accepts and says nothing: 13, within bounded time', async () => {
    const server = createServer(() => {}).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    const started = dir.start(['backup', 'redis'], { OBLETH_LEDGER_REDIS_URL: at(port) })
    expect((await started.ended).code).toBe(13)
    server.close()
  })

  it.each([
    ['is cut in the middle', 'cut', 1],
    ['stands still in the middle, while the server answers', 'hold', 13],
  ] as const)('a snapshot that %s: an error, and no backup', { timeout: 200_000 }, async (_, how, code) => {
    const proxy = await startCuttingProxy(redis.port, 1 << 20, how)
    const started = dir.start(['backup', 'redis'], { OBLETH_LEDGER_REDIS_URL: at(proxy.port) })
    expect((await started.ended).code).toBe(code)
    await proxy.close()
    expect(await dir.list()).toHaveLength(1)
  })

  it("another server's data directory: 5", async () => {
    const other = await TestRedis.start(dir.folder('other'), { settings: { appendonly: 'yes' } })
    await other.send('SET', 'a', '1')
    const failed = await fails(redis.url, ['--redis-data-dir', other.dir])
    expect(failed).toMatchObject({ code: 'refused', hint: expect.stringContaining('--redis-data-dir') })
    await other.stop()
  })

  it('a directory without an AOF: 10; one of the AOF files gone: the file is named', async () => {
    expect(await fails(redis.url, ['--redis-data-dir', dir.folder('empty')])).toMatchObject({
      code: 'source_not_found',
    })
    const broken = await TestRedis.start(dir.folder('broken'), { settings: { appendonly: 'yes' }, password: null })
    await broken.send('SET', 'a', '1')
    spawnSync('rm', [join(broken.dir, 'appendonlydir', 'appendonly.aof.1.base.rdb')])
    expect(await fails(broken.url, ['--redis-data-dir', broken.dir])).toMatchObject({
      code: 'verification_failed',
      message: expect.stringContaining('appendonly.aof.1.base.rdb'),
    })
    await broken.stop()
  })

  it('a full disk: it says so, and where else there is room', async ({ skip }) => {
    const small = dir.folder('small')
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', small]).status === 0
    skip(!mounted, 'no right to mount')
    try {
      expect(await fails(redis.url, [], { TMPDIR: small })).toMatchObject({
        code: 'disk_full',
        hint: expect.stringContaining('TMPDIR'),
      })
      expect(readdirSync(small)).toEqual([])
    } finally {
      spawnSync('umount', [small])
    }
  })

  it('the password stands in no argument of a child, and a URL with one is no argument of ours', async () => {
    const bin = dir.folder('bin')
    const seen = join(dir.root, 'seen')
    const real = spawnSync('sh', ['-c', 'command -v redis-cli'], { encoding: 'utf8' }).stdout.trim()
    writeFileSync(join(bin, 'redis-cli'), `#!/bin/sh\nprintf '%s\\n' "$@" >>'${seen}'\nexec '${real}' "$@"\n`)
    chmodSync(join(bin, 'redis-cli'), 0o755)
    const PATH = `${bin}${delimiter}${process.env.PATH}`
    const ran = await dir.run(['backup', 'redis'], { OBLETH_LEDGER_REDIS_URL: redis.url, PATH })
    expect(ran.code).toBe(0)
    expect(readFileSync(seen, 'utf8')).toContain('--rdb')
    expect(`${readFileSync(seen, 'utf8')}${ran.output}`).not.toMatch(/pa55|w%25rd|w%rd/)
    const id = ran.document.id
    expect(readFileSync(join(dir.backups, 'redis', id, 'manifest.json'), 'utf8')).not.toContain('pa55')
    const named = await dir.run(['backup', 'redis', '--redis-url', redis.url])
    expect(named).toMatchObject({ code: 2 })
    expect(named.output).not.toContain('pa55')
    expect(named.output).toContain('OBLETH_LEDGER_REDIS_URL')
    spawnSync('rm', ['-r', join(dir.backups, 'redis', id)])
  })

  it.each([1, 2, 3, 4, 5, 6])('killed at a moment of its own (seed %i): a complete backup, or none', async (seed) => {
    const before = new Set((await dir.list()).map(({ id }) => id))
    const env = { OBLETH_LEDGER_REDIS_URL: redis.url }
    const started = dir.start(['backup', 'redis', '--redis-data-dir', redis.dir], env)
    await sleep(200 + seeded(seed)() * 700)
    started.kill('SIGKILL')
    await started.ended
    const left = (await dir.list()).filter(({ id }) => !before.has(id))
    expect(left.every(({ state }) => state === 'complete' || state === 'incomplete')).toBe(true)
    const complete = left.filter(({ state }) => state === 'complete')
    for (const { id } of complete) expect((await dir.run(['backups', 'verify', id])).code).toBe(0)
    expect((await dir.run(['backups', 'prune', '--confirm', '--keep-last', '100'])).code).toBe(0)
    expect((await dir.list()).map(({ id }) => id)).toEqual([...complete.map(({ id }) => id), ...before])
  })

  it('a server without CONFIG is backed up all the same, and what is not known is said', async () => {
    const managed = await TestRedis.start(dir.folder('managed'), { lines: 'rename-command CONFIG ""\n' })
    await managed.send('SET', 'a', '1')
    const env = { OBLETH_LEDGER_REDIS_URL: managed.url }
    const ran = await dir.run(['backup', 'redis'], env)
    expect(ran, ran.output).toMatchObject({
      code: 0,
      document: { contents: { facts: { keys: 1, appendfsync: null } } },
    })
    expect(ran.document.notes).toContainEqual(expect.stringContaining('does not tell its settings'))
    expect(await dir.run(['backup', 'redis', '--redis-data-dir', managed.dir], env)).toMatchObject({ code: 5 })
    await managed.stop()
  })
})

describe.skipIf(noRedis !== null || !hasOpenssl)('a Redis behind TLS with a private CA', () => {
  it('is backed up where the CA is named, and else cannot be reached', async () => {
    const dir = new BackupDir()
    const ca = new TestCa(dir.root, 'ca')
    const { cert, key } = ca.issue('DNS:localhost,IP:127.0.0.1')
    for (const [name, text] of Object.entries({ 'server.pem': cert, 'server.key': key }))
      writeFileSync(join(dir.root, name), text)
    const redis = await TestRedis.start(dir.folder('live'), {
      tls: { cert: join(dir.root, 'server.pem'), key: join(dir.root, 'server.key'), ca: ca.file },
    })
    try {
      await redis.send('SET', 'a', '1')
      const env = { OBLETH_LEDGER_REDIS_URL: redis.tlsUrl }
      const ran = await dir.run(['backup', 'redis', '--redis-ca-file', ca.file], env)
      expect(ran, ran.output).toMatchObject({ code: 0, document: { contents: { facts: { keys: 1 } } } })
      expect(await dir.run(['backup', 'redis'], env)).toMatchObject({ code: 13 })
    } finally {
      await redis.stop()
      dir.remove()
    }
  })
})
