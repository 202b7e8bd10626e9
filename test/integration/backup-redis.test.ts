import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { BackupDir } from '../support/backup-dir.js'
import { fill, noRedis, TestRedis } from '../support/redis.js'

const noAge = spawnSync('age', ['--version']).error !== undefined && process.env.CI !== 'true'
const noGpg = spawnSync('gpg', ['--version']).error !== undefined && process.env.CI !== 'true'

/** Options that encrypt and open backups, by their way. */
const WAYS = {
  none: () => ({ taking: [], opening: [] }),
  age: (root: string) => {
    const identity = join(root, 'identity')
    execFileSync('age-keygen', ['-o', identity], { stdio: 'ignore' })
    writeFileSync(join(root, 'recipients'), execFileSync('age-keygen', ['-y', identity]))
    return { taking: ['--age-recipients', join(root, 'recipients')], opening: ['--age-identity', identity] }
  },
  gpg: (root: string) => {
    const file = join(root, 'passphrase')
    writeFileSync(file, 'a long passphrase\n')
    return { taking: ['--gpg-passphrase-file', file], opening: ['--gpg-passphrase-file', file] }
  },
} as const

/** Where backups are kept: each kind of place has to do. */
const PLACES = [
  { place: 'a folder', open: async () => new BackupDir() },
  { place: 'a bucket', open: () => BackupDir.inBucket() },
]

describe.skipIf(noRedis !== null).each(PLACES)('backups in $place: a Redis with AOF, lost and restored', ({ open }) => {
  let dir: BackupDir
  let redis: TestRedis
  let content: ReadonlyMap<string, unknown>
  const servers: TestRedis[] = []
  beforeAll(async () => {
    dir = await open()
    redis = await TestRedis.start(dir.folder('live'), { settings: { appendonly: 'yes' } })
    await fill(redis)
    content = await redis.content()
    // Half of it into the base, the rest behind it.
    await redis.send('BGREWRITEAOF')
  })
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop()
    await dir.run([
      'backups',
      'prune',
      '--confirm',
      '--keep-last',
      '1',
      '--keep-daily',
      '0',
      '--keep-weekly',
      '0',
      '--keep-monthly',
      '0',
    ])
  })
  afterAll(async () => {
    await redis.stop()
    await dir.remove()
  })

  const env = () => ({ OBLETH_LEDGER_REDIS_URL: redis.url })
  const start = async (folder: string, appendonly: 'yes' | 'no') => {
    const server = await TestRedis.start(folder, { settings: { appendonly } })
    servers.push(server)
    return server
  }

  it('fills a server with what is then looked for', () => expect(content.size).toBe(2000 + 50 + 8))

  it.for(['none', 'age', 'gpg'] as const)(
    'encryption %s: every key comes back, appendonly on or off',
    async (way, { skip }) => {
      skip((way === 'age' && noAge) || (way === 'gpg' && noGpg), `${way} is missing`)
      const { taking, opening } = WAYS[way](dir.root)
      const backup = ['backup', 'redis', '--redis-data-dir', redis.dir, ...taking]
      const taken = await dir.run(backup, env())
      expect(taken, taken.output).toMatchObject({
        code: 0,
        document: {
          store: 'redis',
          encryption: way,
          serverVersion: expect.stringMatching(/^7\./),
          source: `redis://127.0.0.1:${redis.port}`,
          contents: {
            tables: [
              { table: 'db0', rows: content.size - 1 },
              { table: 'db5', rows: 1 },
            ],
            facts: { keys: content.size, appendonly: 'yes', appendfsync: 'everysec' },
          },
        },
      })
      const proven = await dir.run(['backups', 'verify', taken.document.id, ...opening])
      expect(proven, proven.output).toMatchObject({ code: 0, document: { verified: [{ opened: true, findings: [] }] } })
      for (const part of ['rdb', 'aof'])
        for (const appendonly of ['yes', 'no'] as const) {
          const into = dir.folder(`${way}-${part}-${appendonly}`)
          const args = ['restore', 'redis', '--into', into, '--redis-from', part, '--yes', ...opening]
          const restored = await dir.run(args)
          expect(restored, restored.output).toMatchObject({ code: 0, document: { restored: true, kept: null } })
          const server = await start(into, appendonly)
          expect(await server.content()).toEqual(content)
        }
    },
  )

  it('destroyed and restored into its own directory it has every key, and the old files are kept', async () => {
    await dir.run(['backup', 'redis'], env())
    const lost = await start(dir.folder('lost', 0o750), 'yes')
    await lost.send('SET', 'only here', '1')
    await lost.stop()
    const before = readdirSync(lost.dir).sort()
    const { code, document, output } = await dir.run(['restore', 'redis', '--into', lost.dir, '--yes'])
    expect(code, output).toBe(0)
    expect(document.plan.replaced).toEqual(['appendonlydir'])
    expect(readdirSync(document.kept)).toEqual(before)
    expect(await (await start(lost.dir, 'yes')).content()).toEqual(content)
    // What was kept is what it was.
    const kept = await start(document.kept, 'yes')
    expect(await kept.content()).toEqual(new Map([['0:6f6e6c792068657265', expect.objectContaining({ value: '31' })]]))
  })

  it('a dry run, or a missing yes, touches nothing', async () => {
    await dir.run(['backup', 'redis'], env())
    const into = dir.folder('untouched')
    writeFileSync(join(into, 'dump.rdb'), 'old')
    const planned = await dir.run(['restore', 'redis', '--into', into, '-n'])
    expect(planned).toMatchObject({
      code: 0,
      document: { restored: false, plan: { replaced: ['dump.rdb'], keys: content.size } },
    })
    expect(await dir.run(['restore', 'redis', '--into', into])).toMatchObject({ code: 5 })
    expect(readdirSync(into)).toEqual(['dump.rdb'])
  })

  it('the AOF is whole though the server writes and rewrites it meanwhile', async () => {
    const busy = await start(dir.folder('busy'), 'yes')
    let written = 0
    let stopped = false
    const writing = (async () => {
      while (!stopped) {
        await Promise.all(Array.from({ length: 50 }, () => busy.send('SET', `n:${written++}`, 'x'.repeat(500))))
        if (written % 1000 === 0) await busy.send('BGREWRITEAOF').catch(() => {})
      }
    })()
    try {
      for (let round = 0; round < 3; round++) {
        const acknowledged = written
        const started = dir.start(['backup', 'redis', '--redis-data-dir', busy.dir], {
          OBLETH_LEDGER_REDIS_URL: busy.url,
        })
        expect((await started.ended).code).toBe(0)
        const into = dir.folder(`busy-${round}`)
        const args = ['restore', 'redis', '--into', into, '--redis-from', 'aof', '--yes']
        const restored = await dir.run(args)
        expect(restored, restored.output).toMatchObject({ code: 0 })
        const server = await start(into, 'yes')
        const keys = ((await server.send('KEYS', 'n:*')) as Buffer[]).map((key) => Number(String(key).slice(2)))
        // All up to one moment, and nothing after it.
        expect(keys.length).toBeGreaterThanOrEqual(acknowledged - 50)
        expect(keys.reduce((most, key) => Math.max(most, key), 0)).toBe(keys.length - 1)
        await server.stop()
      }
    } finally {
      stopped = true
      await writing
    }
    expect(await dir.run(['backups', 'verify'])).toMatchObject({ code: 0 })
  })
})
