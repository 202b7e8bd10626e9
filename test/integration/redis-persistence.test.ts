import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BackupDir } from '../support/backup-dir.js'
import { noRedis, type RedisHow, TestRedis } from '../support/redis.js'

describe.skipIf(noRedis !== null)('whether a Redis keeps what it holds', () => {
  let dir: BackupDir
  let redis: TestRedis | undefined
  beforeEach(() => {
    dir = new BackupDir()
  })
  afterEach(async () => {
    await redis?.stop()
    dir.remove()
  })

  const start = async (how: RedisHow): Promise<TestRedis> => {
    redis = await TestRedis.start(dir.folder('data'), how)
    return redis
  }
  const run = async ({ url }: TestRedis, flag: '--check' | '--enable') => {
    const { code, document, output } = await dir.run(['backup', 'redis', flag], { OBLETH_LEDGER_REDIS_URL: url })
    expect(output).not.toContain('pa55')
    const items = Object.fromEntries(
      document.items.map(({ name, value, holds }: Record<string, unknown>) => [name, [value, holds]]),
    )
    return { code, document, items, advice: document.advice.join(' ') }
  }
  const told = async (server: TestRedis, name: string) =>
    String(((await server.send('CONFIG', 'GET', name)) as Buffer[])[1])

  it('--check tells what is missing, exits 4, and changes nothing', async () => {
    const server = await start({ settings: { appendonly: 'no', appendfsync: 'no' } })
    const before = readFileSync(String(server.configFile))
    const { code, items, advice, document } = await run(server, '--check')
    expect(code).toBe(4)
    expect(items).toMatchObject({ appendonly: ['no', false], appendfsync: ['no', false] })
    expect(document).toMatchObject({ status: 'mismatch', changed: [], configFile: server.configFile })
    expect(advice).toContain('--enable')
    expect(await told(server, 'appendonly')).toBe('no')
    expect(readFileSync(String(server.configFile))).toEqual(before)
  })

  it('--enable switches it on for good: the keys outlive a kill and a start', async () => {
    let server = await start({ settings: { appendonly: 'no', appendfsync: 'no' } })
    await server.send('SET', 'before', '1')
    const { code, document, items } = await run(server, '--enable')
    expect(code).toBe(0)
    expect(document.changed).toEqual([
      { name: 'appendfsync', from: 'no', to: 'everysec' },
      { name: 'appendonly', from: 'no', to: 'yes' },
    ])
    expect(items['CONFIG REWRITE']).toEqual(['ok', true])
    expect([await told(server, 'appendonly'), await told(server, 'appendfsync')]).toEqual(['yes', 'everysec'])
    await server.send('CONFIG', 'SET', 'appendfsync', 'always')
    await server.send('SET', 'after', '2')
    server = redis = await server.restart('SIGKILL')
    expect(await server.send('DBSIZE')).toBe(2)
    expect([await told(server, 'appendonly'), await told(server, 'appendfsync')]).toEqual(['yes', 'everysec'])
    expect((await run(server, '--check')).code).toBe(0)
    // Once more does no harm.
    expect(await run(server, '--enable')).toMatchObject({ code: 0, document: { changed: [] } })
  })

  it('always is good too, and is left as it is', async () => {
    const server = await start({ settings: { appendonly: 'yes', appendfsync: 'always' } })
    expect(await run(server, '--enable')).toMatchObject({ code: 0, document: { changed: [] } })
    expect(await told(server, 'appendfsync')).toBe('always')
  })

  it('a server without a config file: switched on until its end, 4, and how to do it for good', async () => {
    const server = await start({ configFile: false, settings: { appendonly: 'no' } })
    const { code, items, advice } = await run(server, '--enable')
    expect(code).toBe(4)
    expect(items).toMatchObject({ appendonly: ['yes', true], 'CONFIG REWRITE': [expect.any(String), false] })
    expect(advice).toContain('command: ["redis-server", "--appendonly", "yes", "--appendfsync", "everysec"]')
  })

  it('one whose start command holds the settings is right, with a word on where they must stand', async () => {
    const server = await start({ configFile: false, settings: { appendonly: 'yes', appendfsync: 'everysec' } })
    for (const flag of ['--check', '--enable'] as const)
      expect(await run(server, flag)).toMatchObject({ code: 0, advice: expect.stringContaining('start command') })
  })

  it('a provider without CONFIG: what INFO tells, and what nobody can know from here', async () => {
    const server = await start({ settings: { appendonly: 'yes' }, lines: 'rename-command CONFIG ""\n' })
    const { code, items, advice } = await run(server, '--check')
    expect(code).toBe(4)
    expect(items).toMatchObject({ appendonly: ['yes', true], appendfsync: [null, false] })
    expect(advice).toContain('unknown command')
    const enabled = await dir.run(['backup', 'redis', '--enable'], { OBLETH_LEDGER_REDIS_URL: server.url })
    expect(enabled).toMatchObject({ code: 1, document: { error: { code: 'target_failed' } } })
    expect(enabled.document.error.hint).toContain('provider')
  })

  it('a user who may not use CONFIG: the same', async () => {
    const server = await start({ settings: { appendonly: 'yes' } })
    await server.send('ACL', 'SETUSER', 'reader', 'on', '>pa55', '+info', '+ping')
    const url = server.url.replace(/\/\/.*@/, '//reader:pa55@')
    const ran = await dir.run(['backup', 'redis', '--check'], { OBLETH_LEDGER_REDIS_URL: url })
    expect(ran).toMatchObject({ code: 4 })
    expect(ran.output).toContain('NOPERM')
  })

  it('a server that cannot write is not persistent, whatever its settings; its config file is left alone', async () => {
    const server = await start({ settings: { appendonly: 'no' } })
    const before = readFileSync(String(server.configFile))
    // The snapshot cannot take the place of a folder.
    mkdirSync(join(server.dir, 'dump.rdb', 'full'), { recursive: true })
    await server.send('BGSAVE')
    while (!/rdb_last_bgsave_status:err/.test(String(await server.send('INFO', 'persistence'))));
    const { code, items } = await run(server, '--enable')
    expect(code).toBe(4)
    expect(items).toMatchObject({ appendonly: ['yes', true], rdb_last_bgsave_status: ['err', false] })
    expect(items).not.toHaveProperty('CONFIG REWRITE')
    expect(readFileSync(String(server.configFile))).toEqual(before)
  })

  it('one that cannot begin an AOF says so: 1, and what else can be done', async () => {
    const server = await start({ settings: { appendonly: 'no' } })
    writeFileSync(join(server.dir, 'appendonlydir'), 'a file where the folder should be')
    const ran = await dir.run(['backup', 'redis', '--enable'], { OBLETH_LEDGER_REDIS_URL: server.url })
    expect(ran).toMatchObject({ code: 1, document: { error: { code: 'target_failed' } } })
    expect(await told(server, 'appendonly')).toBe('no')
  })

  it('both at once: 2', async () => {
    const server = await start({})
    const env = { OBLETH_LEDGER_REDIS_URL: server.url }
    expect((await dir.run(['backup', 'redis', '--check', '--enable'], env)).code).toBe(2)
    expect((await dir.run(['backup', 'redis', '--check'])).code).toBe(2)
  })
})
