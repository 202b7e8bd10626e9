import { appendFileSync, copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BackupDir } from '../support/backup-dir.js'
import { noRedis, TestRedis } from '../support/redis.js'

const FIXTURES = fileURLToPath(new URL('../fixtures/redis/', import.meta.url))

/** Files of a case's AOF by their place in a backup. */
function aofOf(name: string): Record<string, string> {
  const folder = join(FIXTURES, name, 'backup', 'appendonlydir')
  return Object.fromEntries(
    readdirSync(folder).map((file) => [
      file.endsWith('.manifest') ? 'appendonlydir/manifest' : `appendonlydir/${file}`,
      join(folder, file),
    ]),
  )
}

describe.skipIf(noRedis !== null)('files of a Redis that a server would not load, or would load in part', () => {
  let dir: BackupDir
  let rdb: string
  beforeAll(async () => {
    dir = new BackupDir()
    const redis = await TestRedis.start(dir.folder('live'))
    for (let n = 0; n < 300; n++) await redis.send('SET', `key ${n}`, 'x'.repeat(n))
    await redis.send('SAVE')
    await redis.stop()
    rdb = join(redis.dir, 'dump.rdb')
  })
  afterAll(() => dir.remove())

  const verify = async (files: Record<string, string>, facts = {}) => {
    const { id } = await dir.make('redis', files, facts)
    const { code, document } = await dir.run(['backups', 'verify', id])
    return { id, code, reasons: document.verified[0].findings.map(({ reason }: { reason: string }) => reason) }
  }

  it('119: an AOF whose manifest names a file that is not there', async () => {
    const { id, code, reasons } = await verify({ 'dump.rdb': rdb, ...aofOf('119') })
    expect([code, reasons]).toEqual([4, [expect.stringContaining('appendonly.aof.4.incr.aof is missing')]])
    const args = ['restore', 'redis', id, '--into', dir.folder('119'), '--redis-version', '7.4', '--yes']
    expect(await dir.run([...args, '--redis-from', 'repaired-aof'])).toMatchObject({
      code: 1,
      document: { error: { code: 'verification_failed' } },
    })
    expect(readdirSync(dir.folder('119'))).toEqual([])
    expect(await dir.run(args)).toMatchObject({ code: 0 })
  })

  it('121: an AOF that ends within a command: the last good byte, the commands kept, a repair on request only', async () => {
    const { id, code, reasons } = await verify({ 'dump.rdb': rdb, ...aofOf('121') })
    expect([code, reasons]).toEqual([4, [expect.stringMatching(/good up to byte 91 of 121, 3 commands.*30 bytes/)]])
    const into = dir.folder('121')
    const args = ['restore', 'redis', id, '--into', into, '--redis-version', '7.4', '--yes']
    expect(await dir.run([...args, '--redis-from', 'aof'])).toMatchObject({
      code: 5,
      document: { error: { hint: expect.stringContaining('repaired-aof') } },
    })
    expect(readdirSync(into)).toEqual([])
    const repaired = await dir.run([...args, '--redis-from', 'repaired-aof'])
    expect(repaired).toMatchObject({
      code: 0,
      document: { plan: { notes: [expect.stringContaining('91 bytes, 3 commands; 30 bytes')] } },
    })
    expect((await dir.run(['backups', 'verify', id])).code).toBe(4)
  })

  it('a cut AOF of this server, repaired, is loaded by a real one up to the last whole command', async () => {
    const live = await TestRedis.start(dir.folder('cut'), { settings: { appendonly: 'yes' } })
    for (let n = 0; n < 10; n++) await live.send('SET', `key ${n}`, 'value')
    await live.stop()
    const folder = join(live.dir, 'appendonlydir')
    const damaged = join(dir.root, 'damaged.aof')
    copyFileSync(join(folder, 'appendonly.aof.1.incr.aof'), damaged)
    appendFileSync(damaged, `${'*3\r\n$3\r\nSET\r\n$3\r\nabc\r\n$100\r\nshort'}\0\0\0`)
    const files = {
      'dump.rdb': rdb,
      'appendonlydir/manifest': join(folder, 'appendonly.aof.manifest'),
      'appendonlydir/appendonly.aof.1.base.rdb': join(folder, 'appendonly.aof.1.base.rdb'),
      'appendonlydir/appendonly.aof.1.incr.aof': damaged,
    }
    const { id, code } = await verify(files)
    expect(code).toBe(4)
    const into = dir.folder('repaired')
    const args = ['restore', 'redis', id, '--into', into, '--redis-from', 'repaired-aof', '--yes']
    expect(await dir.run(args)).toMatchObject({ code: 0 })
    const server = await TestRedis.start(into, { settings: { appendonly: 'yes' } })
    expect(await server.send('DBSIZE')).toBe(10)
    await server.stop()
  })

  it('123: a snapshot of a version that the server does not read: refused with both versions, nothing touched', async () => {
    // Its checksum is right, its version is not of this world.
    const newer = join(dir.root, 'newer.rdb')
    writeFileSync(newer, Buffer.concat([Buffer.from('REDIS0099'), Buffer.from([0xff]), Buffer.alloc(8)]))
    for (const [name, file] of Object.entries({ newer, fixture: join(FIXTURES, '123', 'dump.rdb') })) {
      const { id } = await dir.make('redis', { 'dump.rdb': file })
      const into = dir.folder(`123-${name}`)
      writeFileSync(join(into, 'dump.rdb'), 'old')
      const ran = await dir.run(['restore', 'redis', id, '--into', into, '--yes'])
      expect(ran, ran.output).toMatchObject({ code: 5, document: { status: 'refused', error: { code: 'refused' } } })
      expect(ran.output).toMatch(/version 99.*Redis 7\.0\.\d+ reads up to version 10/)
      expect(readdirSync(into)).toEqual(['dump.rdb'])
    }
  })

  it('a version that a later server reads is restored for that one, and refused for an older one', async () => {
    const newer = join(dir.root, 'rdb-11')
    copyFileSync(join(FIXTURES, '121', 'backup', 'appendonlydir', 'appendonly.aof.1.base.rdb'), newer)
    const { id } = await dir.make('redis', { 'dump.rdb': newer })
    const into = dir.folder('later')
    const args = ['restore', 'redis', id, '--into', into, '--dry-run']
    expect(await dir.run([...args, '--redis-version', '7.2'])).toMatchObject({
      code: 0,
      document: { plan: { rdbVersion: 11 } },
    })
    expect(await dir.run([...args, '--redis-version', '7.0.15'])).toMatchObject({ code: 5 })
    expect(await dir.run([...args, '--redis-version', '6.2'])).toMatchObject({ code: 5 })
    expect(await dir.run([...args, '--redis-version', 'new'])).toMatchObject({ code: 2 })
  })

  it.each([
    ['a tail of zeros', (whole: Buffer) => Buffer.concat([whole, Buffer.alloc(64)])],
    ['three zeros behind it', (whole: Buffer) => Buffer.concat([whole, Buffer.alloc(3)])],
    ['its last bytes missing', (whole: Buffer) => whole.subarray(0, -1)],
    ['half of it missing', (whole: Buffer) => whole.subarray(0, whole.length / 2)],
    ['nothing of it', () => Buffer.alloc(0)],
    ['another file', () => Buffer.from('<html>404</html>')],
    ...[9, 200, 3000, -1].map(
      (at) =>
        [
          `a bit changed at ${at}`,
          (whole: Buffer) => {
            const changed = Buffer.from(whole)
            changed[at < 0 ? whole.length + at : at] ^= 4
            return changed
          },
        ] as const,
    ),
  ] as const)('a snapshot with %s is found, and never restored', async (_, damage) => {
    const file = join(dir.root, 'damaged.rdb')
    writeFileSync(file, damage(readFileSync(rdb)))
    const { id, code, reasons } = await verify({ 'dump.rdb': file })
    expect([code, reasons]).toEqual([4, [expect.stringContaining('dump.rdb: ')]])
    const ran = await dir.run(['restore', 'redis', id, '--into', dir.folder('never'), '--yes'])
    expect(ran).toMatchObject({ code: 1, document: { error: { code: 'verification_failed' } } })
    expect(readdirSync(dir.folder('never'))).toEqual([])
  })

  it('a snapshot with another number of keys than its manifest says is found', async () => {
    expect(await verify({ 'dump.rdb': rdb }, { keys: 299 })).toMatchObject({ code: 4 })
    expect(await verify({ 'dump.rdb': rdb }, { keys: 300 })).toMatchObject({ code: 0 })
  })
})
