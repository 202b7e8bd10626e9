import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { directoryStorage } from '../../src/backup/storage/directory.js'
import { s3Storage } from '../../src/backup/storage/s3.js'
import type { Storage } from '../../src/backup/storage/storage.js'
import type { S3Options } from '../../src/domain/options.js'
import { KMS_KEYS } from '../support/s3/encryption.js'
import { SLOW_DOWN } from '../support/s3/faults.js'
import { CREDENTIALS, S3Server } from '../support/s3/index.js'
import { bytesOf } from '../support/s3/objects.js'

Object.assign(process.env, CREDENTIALS)

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'storage-'))
  folders.push(folder)
  return folder
}

const signal = new AbortController().signal

/** One of each kind, empty. */
const KINDS: Record<string, () => Promise<Storage>> = {
  'a folder': async () => directoryStorage(join(tempFolder(), 'not', 'there', 'yet')),
  'a bucket': async () => (await bucket()).storage,
}

async function bucket(encryption?: S3Options['encryption']) {
  const server = await S3Server.start()
  return { server, storage: s3Storage(`s3://${server.bucket}/all backups+`, { ...server.options(), encryption }) }
}

async function* pieces(...texts: string[]): AsyncIterable<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

async function textOf(storage: Storage, path: string): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of storage.read(path, signal)) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString()
}

async function pathsOf(storage: Storage, prefix: string): Promise<string[]> {
  const paths: string[] = []
  for await (const { path } of storage.list(prefix, signal)) paths.push(path)
  return paths
}

describe.each(Object.entries(KINDS))('storage in %s', (_, open) => {
  it('gives back what was written, in its bytes and sizes', async () => {
    const storage = await open()
    await storage.write('redis/1/dump.rdb', pieces('a', '', 'bc\0\n'), signal)
    await storage.write('redis/1/empty', pieces(), signal)
    expect(await textOf(storage, 'redis/1/dump.rdb')).toBe('abc\0\n')
    expect(await textOf(storage, 'redis/1/empty')).toBe('')
    const listed = []
    for await (const { path, bytes, modifiedMs } of storage.list('redis/', signal))
      listed.push([path, bytes, modifiedMs > Date.UTC(2020, 0)])
    expect(listed).toEqual([
      ['redis/1/dump.rdb', 5, true],
      ['redis/1/empty', 0, true],
    ])
  })

  it('lists by the beginning of a path, sorted, and nothing where there is nothing', async () => {
    const storage = await open()
    expect(await pathsOf(storage, '')).toEqual([])
    for (const path of ['b/2', 'a/1/y', 'a/1/x', 'ab/1']) await storage.write(path, pieces(path), signal)
    expect(await pathsOf(storage, 'a/')).toEqual(['a/1/x', 'a/1/y'])
    expect(await pathsOf(storage, 'a')).toEqual(['a/1/x', 'a/1/y', 'ab/1'])
    expect(await pathsOf(storage, 'c')).toEqual([])
  })

  it('never writes over a file', async () => {
    const storage = await open()
    await storage.write('a/1', pieces('first'), signal)
    await expect(storage.write('a/1', pieces('second'), signal)).rejects.toMatchObject({ code: 'refused' })
    expect(await textOf(storage, 'a/1')).toBe('first')
  })

  it('holds nothing of a file whose bytes broke off', async () => {
    const storage = await open()
    async function* broken() {
      yield Buffer.alloc(3 << 20, 'x')
      throw new Error('pg_dump failed')
    }
    await expect(storage.write('a/1', broken(), signal)).rejects.toThrow('pg_dump failed')
    expect(await pathsOf(storage, '')).toEqual([])
    await storage.write('a/1', pieces('later'), signal)
    expect(await textOf(storage, 'a/1')).toBe('later')
  })

  it('stops in the middle of a file where it is told to', async () => {
    const storage = await open()
    const stop = new AbortController()
    async function* endless() {
      for (;;) {
        yield Buffer.alloc(1000)
        stop.abort()
      }
    }
    await expect(storage.write('a/1', endless(), stop.signal)).rejects.toMatchObject({ name: 'AbortError' })
    expect(await pathsOf(storage, '')).toEqual([])
  })

  it('removes a file, and does no harm where it is gone', async () => {
    const storage = await open()
    await storage.write('a/1', pieces('x'), signal)
    await storage.write('a/2', pieces('y'), signal)
    for (let times = 0; times < 2; times++) await storage.remove('a/1', signal)
    expect(await pathsOf(storage, '')).toEqual(['a/2'])
  })

  it('says what is not there', async () => {
    const storage = await open()
    await expect(textOf(storage, 'a/1')).rejects.toMatchObject({ code: 'source_not_found' })
  })

  it.each(['../x', '/etc/passwd', 'a/../../x', 'a//b', 'a/./b', '', 'a\0b', 'a\\b', 'a\nb'])(
    'takes no path that leads elsewhere: %j',
    async (path) => {
      const storage = await open()
      const refused = { code: 'state_damaged' }
      await expect(storage.write(path, pieces('x'), signal)).rejects.toMatchObject(refused)
      await expect(textOf(storage, path)).rejects.toMatchObject(refused)
      await expect(storage.remove(path, signal)).rejects.toMatchObject(refused)
    },
  )
})

describe('a folder', () => {
  it('and its files are for their owner alone, and hold no temporary ones', async () => {
    const root = join(tempFolder(), 'backups')
    const storage = directoryStorage(root)
    await storage.write('a/b/1', pieces('x'), signal)
    expect(statSync(join(root, 'a/b/1')).mode & 0o777).toBe(0o600)
    expect(statSync(join(root, 'a')).mode & 0o777).toBe(0o700)
    expect(readdirSync(join(root, 'a/b'))).toEqual(['1'])
  })

  it('shows what a killed process left half written, so that it can be removed', async () => {
    const root = tempFolder()
    writeFileSync(join(root, 'dump.obleth-ledger-1a2b'), 'half')
    const storage = directoryStorage(root)
    expect(await pathsOf(storage, '')).toEqual(['dump.obleth-ledger-1a2b'])
    await storage.remove('dump.obleth-ledger-1a2b', signal)
    expect(readdirSync(root)).toEqual([])
  })

  it.skipIf(process.getuid?.() === 0)('that may not be written says so', async () => {
    const root = tempFolder()
    chmodSync(root, 0o500)
    await expect(directoryStorage(root).write('a/1', pieces('x'), signal)).rejects.toMatchObject({
      code: 'access_denied',
    })
  })
})

describe('a bucket', () => {
  const LARGE = Buffer.alloc(50_000_001, 'a dump in several parts; ')
  async function* large() {
    for (let at = 0; at < LARGE.length; at += 100_000) yield LARGE.subarray(at, at + 100_000)
  }

  it('takes what is larger than one part, behind a store that throttles, fails, resets and breaks off', async () => {
    const { server, storage } = await bucket()
    const faults = [
      SLOW_DOWN,
      { status: 500, code: 'InternalError' },
      'reset',
      { requestBytes: 1000 },
      'lost answer',
    ] as const
    server.fault = ({ number }) => (number % 2 === 1 ? faults[((number - 1) / 2) % faults.length] : null)
    await storage.write('postgres/1/dump', large(), signal)
    server.fault = () => null
    const stored = server.objects.get('all backups+/postgres/1/dump')?.body ?? Buffer.alloc(0)
    expect(bytesOf(stored).equals(LARGE)).toBe(true)
  })

  it('gives back what an upload took that was killed', async () => {
    const { server, storage } = await bucket()
    // As a process that dies in the middle: neither ended nor given back.
    const denied = { status: 403, code: 'AccessDenied' }
    server.fault = ({ method }) => (method === 'DELETE' || server.writes.begun.size > 0 ? denied : null)
    await expect(storage.write('postgres/1/dump', large(), signal)).rejects.toMatchObject({ code: 'access_denied' })
    server.fault = () => null
    expect(server.writes.begun.size).toBe(1)
    await storage.abandon('postgres/2/', signal)
    expect(server.writes.begun.size).toBe(1)
    await storage.abandon('postgres/1/', signal)
    expect(server.writes.begun.size).toBe(0)
    expect(await pathsOf(storage, '')).toEqual([])
  })

  it.each([
    { encryption: { algorithm: 'AES256', keyId: null }, stored: ['AES256', undefined] },
    {
      encryption: { algorithm: 'aws:kms', keyId: null },
      stored: ['aws:kms', expect.stringMatching(/^arn:.*aws\/s3$/)],
    },
    { encryption: { algorithm: 'aws:kms', keyId: 'alias/backups' }, stored: ['aws:kms', KMS_KEYS['alias/backups']] },
  ] as const)('that takes nothing in the clear gets $encryption.algorithm, key $encryption.keyId', async (given) => {
    const { server, storage } = await bucket(given.encryption)
    server.writes.encrypts = 'asked only'
    await storage.write('a/large', large(), signal)
    await storage.write('a/small', pieces('small'), signal)
    expect(server.objects.size).toBe(2)
    for (const { headers } of server.objects.values())
      expect([headers['x-amz-server-side-encryption'], headers['x-amz-server-side-encryption-aws-kms-key-id']]).toEqual(
        given.stored,
      )
    expect(await textOf(storage, 'a/small')).toBe('small')
    expect(await textOf(storage, 'a/large')).toBe(LARGE.toString())
    expect(storage.encryption).toEqual(given.encryption)
    // An ETag that is no MD5 does not keep damage from being seen.
    for (const [key, object] of server.objects) {
      const damaged = bytesOf(object.body)
      damaged[damaged.length >> 1] ^= 1
      server.objects.set(key, { ...object, body: damaged })
    }
    await expect(textOf(storage, 'a/small')).rejects.toThrow('not what the store says')
    await expect(textOf(storage, 'a/large')).rejects.toThrow('not what the store says')
  })

  it('that stores in the clear what it was asked to encrypt is found out, and holds nothing of it', async () => {
    const { server, storage } = await bucket({ algorithm: 'aws:kms', keyId: null })
    server.writes.encrypts = 'ignores'
    for (const chunks of [pieces('small'), large()])
      await expect(storage.write('a/1', chunks, signal)).rejects.toMatchObject({
        code: 'target_failed',
        message: expect.stringContaining('does not encrypt with aws:kms'),
      })
    expect(await pathsOf(storage, '')).toEqual([])
  })

  it('whose encryption is confirmed by the object alone is believed', async () => {
    const { server, storage } = await bucket({ algorithm: 'AES256', keyId: null })
    server.writes.silent = true
    await storage.write('a/1', pieces('small'), signal)
    expect(await textOf(storage, 'a/1')).toBe('small')
  })

  it('without the key that is named says so', async () => {
    const { storage } = await bucket({ algorithm: 'aws:kms', keyId: 'alias/gone' })
    await expect(storage.write('a/1', pieces('x'), signal)).rejects.toMatchObject({
      code: 'access_denied',
      message: expect.stringContaining('KMS.NotFoundException'),
      hint: expect.stringContaining('--s3-sse-key'),
    })
  })

  it('that is not there, or that nothing may be written to, is named', async () => {
    const { server, storage } = await bucket()
    server.fault = () => ({ status: 404, code: 'NoSuchBucket' })
    await expect(storage.write('a/1', pieces('x'), signal)).rejects.toMatchObject({ code: 'source_not_found' })
    server.fault = () => ({ status: 403, code: 'AccessDenied' })
    await expect(storage.write('a/1', pieces('x'), signal)).rejects.toMatchObject({ code: 'access_denied' })
    await expect(pathsOf(storage, '')).rejects.toMatchObject({ code: 'access_denied' })
  })
})
