import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CollectOutcome, VerifyOutcome } from '../../src/domain/collect.js'
import { startCommand } from '../support/kill-run.js'
import { LedgerDir } from '../support/ledger-dir.js'
import { record, segment } from '../support/records.js'
import { KMS_KEYS } from '../support/s3/encryption.js'
import { type Fault, type Request, SLOW_DOWN } from '../support/s3/faults.js'
import { CREDENTIALS, S3Server } from '../support/s3/index.js'
import { bytesOf } from '../support/s3/objects.js'
import { segmentName } from '../support/wal-tree.js'

const SEGMENTS = 'telemetry.wal.segments'
const at = (n: number) => segmentName(1_773_180_000_000 + n)
const pair = (n: number) => segment([[record(2 * n), record(2 * n + 1)]])
/** Above 5 MiB, so that it goes in parts. */
const LARGE = segment([Array.from({ length: 12_000 }, (_, n) => record(1000 + n))])
const PREFIX = 'backups/a bundle+/'
const MANIFEST = `${PREFIX}obleth-ledger-bundle.json`
const JOURNAL = `${PREFIX}obleth-ledger-bundle.partial`

let dir: LedgerDir
let store: S3Server
beforeEach(async () => {
  dir = new LedgerDir()
})
afterEach(() => dir.remove())

type Answer = CollectOutcome & VerifyOutcome & { status: string; error?: { code: string; hint?: string } }

const to = () => `s3://${store.bucket}/${PREFIX}`
const access = () => ['--s3-endpoint', store.endpoint, '--s3-path-style', '--s3-timeout', '2s']

async function command(args: readonly string[], env: Record<string, string> = CREDENTIALS) {
  const ran = await dir.runBeside([...args, ...access()], env)
  return { code: ran.code, stderr: ran.stderr, ...(ran.document as unknown as Answer) }
}
const collect = (...more: string[]) => command(['collect', dir.pods, '--to', to(), ...more])
const verify = () => command(['collect', '--verify', '--to', to()])

/** Two pods of three segments, checkpoints, and a legacy file that goes in parts. */
async function pods(): Promise<void> {
  store = await S3Server.start()
  for (let n = 0; n < 6; n++) dir.write(`router-${n % 2}/${SEGMENTS}/${at(n)}`, pair(n))
  dir.write(`router-0/${SEGMENTS}/${at(0)}.offset`, String(pair(0).length))
  dir.write('router-1/telemetry.wal', LARGE)
}

/** What the bucket holds, our own files left out. */
const held = () =>
  Object.fromEntries(
    [...store.objects]
      .filter(([key]) => !key.includes('/obleth-ledger-bundle.'))
      .map(([key, { body }]) => [key, bytesOf(body).toString('latin1')]),
  )

function expected(): Record<string, string> {
  const all: Record<string, string> = { [`${PREFIX}router-1/telemetry.wal`]: LARGE }
  for (let n = 0; n < 6; n++) all[`${PREFIX}router-${n % 2}/${SEGMENTS}/${at(n)}`] = pair(n)
  all[`${PREFIX}router-0/${SEGMENTS}/${at(0)}.offset`] = String(pair(0).length)
  return all
}

describe('a bundle in a bucket', () => {
  it('holds what the sources hold, adds what is new, and replays like a folder', async () => {
    await pods()
    const first = await collect()
    expect([first.code, first.written, first.stderr, first.bundle]).toEqual([0, 7, '', to().replace(/\/$/, '')])
    expect(held()).toEqual(expected())
    expect(await verify()).toMatchObject({ code: 0, files: 7, differences: [], stderr: '' })
    // The lock, the journal and uploads are gone.
    expect([...store.objects.keys()].filter((key) => key.includes('/obleth-'))).toEqual([MANIFEST])
    expect(store.writes.begun.size).toBe(0)
    const puts = store.requests.filter(({ method }) => method === 'PUT').length
    expect((await collect()).written).toBe(0)
    // Lock, journal and manifest.
    expect(store.requests.filter(({ method }) => method === 'PUT').length - puts).toBe(3)
    dir.write('router-1/telemetry.wal', `${LARGE}${pair(20)}`)
    dir.write(`router-0/${SEGMENTS}/${at(8)}`, pair(8))
    dir.write(`router-0/${SEGMENTS}/${at(0)}.offset`, '3')
    const more = await collect()
    expect([more.code, more.written]).toEqual([0, 2])
    expect(held()).toEqual({
      ...expected(),
      [`${PREFIX}router-1/telemetry.wal`]: `${LARGE}${pair(20)}`,
      [`${PREFIX}router-0/${SEGMENTS}/${at(8)}`]: pair(8),
    })
    expect((await verify()).code).toBe(0)
    const replayed = await dir.runBeside(['replay', to(), ...access()], CREDENTIALS)
    expect([replayed.code, replayed.stderr, replayed.document.records.inserted]).toEqual([0, '', 12 + 12_000 + 4])
  })

  it('is encrypted by the store as asked, every object of it', async () => {
    await pods()
    store.writes.encrypts = 'asked only'
    expect(await collect()).toMatchObject({ code: 12, error: { code: 'access_denied' } })
    expect(store.objects.size).toBe(0)
    expect((await collect('--s3-sse', 'aws:kms', '--s3-sse-key', 'alias/backups')).code).toBe(0)
    expect(held()).toEqual(expected())
    for (const { headers } of store.objects.values())
      expect(headers).toEqual({
        'x-amz-server-side-encryption': 'aws:kms',
        'x-amz-server-side-encryption-aws-kms-key-id': KMS_KEYS['alias/backups'],
      })
    expect(await verify()).toMatchObject({ code: 0, differences: [] })
    expect((await collect('--s3-sse-key', 'alias/backups')).code).toBe(2)
  })

  it('is written with many requests under way, and nothing is said about that', async () => {
    await pods()
    for (let n = 0; n < 60; n++) dir.write(`router-${n}/${SEGMENTS}/${at(n)}`, pair(n))
    store.latencyMs = 20
    expect(await collect('--concurrency', '16')).toMatchObject({ code: 0, stderr: '' })
    expect(store.mostUnderWay).toBeGreaterThan(10)
  })

  it('is not begun in a store that passes over what it is asked to encrypt', async () => {
    await pods()
    store.writes.encrypts = 'ignores'
    expect(await collect('--s3-sse', 'AES256')).toMatchObject({ code: 1, error: { code: 'target_failed' } })
    expect(store.objects.size).toBe(0)
  })

  it('writes nothing before the lock, and the manifest after all that it lists', async () => {
    await pods()
    await collect()
    const writes = store.requests
      .filter(({ method, kind }) => (method === 'PUT' && kind === 'object') || method === 'DELETE')
      .map(({ method, key }) => `${method} ${key.slice(PREFIX.length)}`)
    expect(writes[0]).toBe('PUT obleth-ledger-bundle.lock')
    expect(writes[1]).toBe('PUT obleth-ledger-bundle.partial')
    const manifest = writes.indexOf('PUT obleth-ledger-bundle.json')
    expect(writes.slice(manifest + 1).every((write) => write.startsWith('DELETE '))).toBe(true)
    expect(writes.slice(-2)).toEqual(['DELETE obleth-ledger-bundle.partial', 'DELETE obleth-ledger-bundle.lock'])
    const segment = `PUT router-0/${SEGMENTS}/${at(0)}`
    expect(writes.indexOf(segment)).toBeLessThan(writes.indexOf(`${segment}.offset`))
    for (const { method, key, headers } of store.requests)
      if (method === 'PUT' && !key.endsWith('.offset') && !headers['x-amz-copy-source'])
        expect(
          headers['if-none-match'] ?? headers['if-match'] ?? (/telemetry.wal$/.test(key) ? 'at its end' : null),
        ).toBeTruthy()
  })

  it.each<[string, (key: string) => void, RegExp]>([
    ['a flipped byte', (key) => put(key, `X${content(key).slice(1)}`), /SHA-256/],
    ['a file too short', (key) => put(key, content(key).slice(1)), /bytes/],
    ['a missing file', (key) => store.objects.delete(key), /missing/],
    ['another checkpoint', (key) => put(`${key}.offset`, '1'), /checkpoint/],
    ['an extra file', (key) => put(`${key}x`, 'x'), /does not know/],
  ])('with %s is refused, the file named', async (what, damage, reason) => {
    await pods()
    await collect()
    const path = `router-0/${SEGMENTS}/${at(0)}`
    damage(`${PREFIX}${path}`)
    const named = what === 'an extra file' ? `${path}x` : path
    const differences = [{ path: named, reason: expect.stringMatching(reason) }]
    expect(await verify()).toMatchObject({ code: 4, status: 'mismatch', differences })
    const ran = await dir.runBeside(['replay', to(), ...access()], CREDENTIALS)
    expect([ran.code, ran.document.error?.code]).toEqual([5, 'refused'])
    expect(ran.stderr).toContain(named)
  })

  it('that is half made is refused; nothing but a bundle is written to', async () => {
    await pods()
    expect((await verify()).code).toBe(10)
    store.put({ [JOURNAL]: '' })
    expect((await verify()).code).toBe(5)
    expect((await dir.runBeside(['inspect', to(), ...access()], CREDENTIALS)).code).toBe(5)
    expect((await collect()).code).toBe(0)
    expect((await verify()).code).toBe(0)
    const other = await command(['collect', dir.pods, '--to', `s3://${store.bucket}/backups`])
    expect([other.code, other.error?.code]).toEqual([5, 'refused'])
    const within = await command(['collect', `s3://${store.bucket}/backups`, '--to', to()])
    expect([within.code, within.error?.code]).toEqual([2, 'usage'])
  })

  it('leaves alone what it does not know', async () => {
    await pods()
    await collect()
    const key = `${PREFIX}router-0/${SEGMENTS}/${at(9)}`
    put(key, 'somebody else was here')
    dir.write(`router-0/${SEGMENTS}/${at(9)}`, pair(9))
    const { code, files } = await collect()
    expect(code).toBe(0)
    expect(content(key)).toBe('somebody else was here')
    expect(files.filter(({ path }) => path.startsWith('other-copies/')).length).toBe(1)
    expect((await verify()).differences.map(({ path }) => path)).toEqual([key.slice(PREFIX.length)])
  })
})

const content = (key: string) => bytesOf(store.objects.get(key)?.body ?? Buffer.alloc(0)).toString('latin1')
const put = (key: string, text: string) => store.put({ [key]: text })

describe('a store', () => {
  it('that throttles, fails, resets, cuts, loses answers and stands still gets all of it', async () => {
    await pods()
    const faults: Fault[] = [
      SLOW_DOWN,
      'lost answer',
      { requestBytes: 100 },
      { status: 500, code: 'InternalError' },
      'reset',
      'lost answer',
      'stall',
    ]
    let next = 0
    const bitten = new Set<string>()
    // Each write is bitten once, whatever it is.
    store.fault = ({ method, key, kind, headers }: Request) => {
      const name = `${method} ${key} ${kind} ${headers['content-length']}`
      if (!/PUT|POST|DELETE/.test(method) || bitten.has(name)) return null
      bitten.add(name)
      return faults[next++ % faults.length]
    }
    const { code, written, stderr } = await collect('--concurrency', '8')
    expect([code, written, stderr]).toEqual([0, 7, ''])
    expect(next).toBeGreaterThan(2 * faults.length)
    store.fault = () => null
    expect(held()).toEqual(expected())
    expect(await verify()).toMatchObject({ code: 0, differences: [] })
    // One whose beginning was done and its answer lost is found by the next collect.
    await collect()
    expect(store.writes.begun.size).toBe(0)
  })

  it('that breaks down: the upload is aborted, and the same command goes on', async () => {
    await pods()
    store.fault = ({ method, key }) =>
      method === 'PUT' && key.endsWith('telemetry.wal') ? { status: 400, code: 'Broken' } : null
    const { code, error } = await collect()
    expect([code, error?.code]).toEqual([1, 'target_failed'])
    expect(store.writes.begun.size).toBe(0)
    expect((await verify()).code).toBe(5)
    store.fault = () => null
    expect([(await collect()).code, (await verify()).code]).toEqual([0, 0])
    expect(held()).toEqual(expected())
  })

  it('that stands still keeps nobody from stopping: no lock and no parts are left, and the same command goes on', async () => {
    await pods()
    const stalled = new Promise<void>((resolve) => {
      store.fault = ({ method, kind }) => {
        if (method !== 'PUT' || kind !== 'upload') return null
        resolve()
        return 'stall'
      }
    })
    const args = ['--s3-endpoint', store.endpoint, '--s3-path-style', '--s3-timeout', '1h']
    const { child, ended } = startCommand(dir, ['collect', dir.pods, '--to', to()], [], { args, env: CREDENTIALS })
    await stalled
    child.kill('SIGTERM')
    expect((await ended).code).toBe(143)
    expect(store.writes.begun.size).toBe(0)
    expect([...store.objects.keys()].filter((key) => key.endsWith('.lock'))).toEqual([])
    store.fault = () => null
    expect((await collect()).code).toBe(0)
    expect(held()).toEqual(expected())
  })

  it('keeps no parts of a collect that was killed', async () => {
    await pods()
    store.writes.begun.set('old', {
      key: `${PREFIX}router-1/telemetry.wal`,
      withChecksums: true,
      parts: new Map(),
      headers: {},
    })
    store.writes.begun.set('of another', { key: 'other/x', withChecksums: true, parts: new Map(), headers: {} })
    expect((await collect()).code).toBe(0)
    expect([...store.writes.begun.keys()]).toEqual(['of another'])
  })

  it.each<[string, (request: Request) => Fault | null, Record<string, string>, number, string, RegExp]>([
    ['without the bucket', () => ({ status: 404, code: 'NoSuchBucket' }), {}, 10, 'source_not_found', /s3-endpoint/],
    ['that takes other credentials', () => null, { AWS_ACCESS_KEY_ID: 'OTHER' }, 12, 'access_denied', /AWS_PROFILE/],
    [
      'that may not be written to',
      ({ method }) => (method === 'PUT' ? { status: 403, code: 'AccessDenied' } : null),
      {},
      12,
      'access_denied',
      /s3:PutObject/,
    ],
  ])('%s: the run ends, and says why', async (_, fault, env, exit, code, hint) => {
    await pods()
    store.fault = fault
    const ran = await command(['collect', dir.pods, '--to', to()], { ...CREDENTIALS, ...env })
    expect([ran.code, ran.error?.code]).toEqual([exit, code])
    expect(ran.error?.hint).toMatch(hint)
    expect(JSON.stringify(ran)).not.toMatch(/SECRET-ECHO|test-secret-key|\\u001b/)
    expect(store.objects.size).toBe(0)
  })

  it('that cannot be reached ends the run, from the beginning or in the middle of it', async () => {
    await pods()
    store.fault = ({ number }) => {
      if (number < 12) return null
      void store.stop()
      return 'reset'
    }
    const { code, error } = await collect()
    expect([code, error?.code]).toEqual([13, 'target_unreachable'])
    expect((await collect()).code).toBe(13)
    store.fault = () => null
    await store.listen()
    expect([(await collect()).code, (await verify()).code]).toEqual([0, 0])
  })

  it('that knows neither conditions nor checksums is written to where one says so', async () => {
    await pods()
    store.writes.lacks = { checksums: true, conditions: 'refuses' }
    const { code, error } = await collect()
    expect([code, error?.code]).toEqual([1, 'target_failed'])
    expect(error?.hint).toMatch(/--s3-checksums required/)
    expect((await collect('--s3-checksums', 'required')).code).toBe(0)
    dir.write('router-1/telemetry.wal', `${LARGE}${pair(20)}`)
    expect((await collect('--s3-checksums', 'required')).code).toBe(0)
    expect(content(`${PREFIX}router-1/telemetry.wal`)).toBe(`${LARGE}${pair(20)}`)
    expect((await verify()).code).toBe(0)
  })
})

describe('two collects into one bundle', () => {
  it('the second finds the lock of the first, of this machine or another', async () => {
    await pods()
    let second: Promise<Awaited<ReturnType<typeof collect>>> | null = null
    store.fault = ({ method, key }) => {
      if (second === null && method === 'PUT' && key === JOURNAL) second = collect()
      return null
    }
    store.latencyMs = 60
    const first = await collect()
    const other = await (second as unknown as ReturnType<typeof collect>)
    expect([first.code, other.code, other.error?.code]).toEqual([0, 11, 'target_locked'])
    put(`${PREFIX}obleth-ledger-bundle.lock`, '1 1 another-host 2026-03-10T00:00:00Z\n')
    const third = await collect()
    expect([third.code, third.error?.hint]).toEqual([11, expect.stringMatching(/--break-lock/)])
    expect([(await collect('--break-lock')).code, (await verify()).code]).toEqual([0, 0])
  })

  it.each(['lock', 'json'])('one whose %s was replaced meanwhile writes no manifest', async (name) => {
    await pods()
    store.fault = ({ method, key }) => {
      if (method === 'PUT' && key.endsWith(at(5))) put(`${PREFIX}obleth-ledger-bundle.${name}`, '1 1 another-host\n')
      return null
    }
    const { code } = await collect()
    expect(code).toBe(name === 'lock' ? 11 : 5)
    expect(content(MANIFEST)).toBe(name === 'lock' ? '' : '1 1 another-host\n')
    expect(store.objects.has(JOURNAL)).toBe(true)
  })
})

it('a bundle in a folder and one in a bucket have the same manifest', async () => {
  await pods()
  const folder = join(dir.root, 'bundle')
  await collect()
  expect((await command(['collect', dir.pods, '--to', folder])).code).toBe(0)
  const files = (text: string) => JSON.parse(text).files as unknown
  expect(files(content(MANIFEST))).toEqual(files(readFileSync(join(folder, 'obleth-ledger-bundle.json'), 'latin1')))
})
