import { createCipheriv, createHash } from 'node:crypto'
import { chmodSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Crc64Nvme } from '@aws-sdk/checksums/crc'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { S3Options } from '../../src/domain/options.js'
import { discover, readFiles } from '../../src/sources/index.js'
import { type Fault, type Request, SLOW_DOWN } from '../support/s3/faults.js'
import { CREDENTIALS, S3Server } from '../support/s3/index.js'
import { UGLY_PODS } from '../support/s3/keys.js'
import { storedObject } from '../support/s3/objects.js'
import { contents, read, segmentName, tarOf, tempFolder } from '../support/wal-tree.js'

const SEGMENTS = 'telemetry.wal.segments'
const SEGMENT = `${SEGMENTS}/${segmentName(Date.UTC(2025, 5, 15, 12))}`
/** So many bytes of one request, as src/sources/s3-read.ts has it. */
const PART = 4 << 20

beforeEach(() => {
  for (const [name, value] of Object.entries(CREDENTIALS)) vi.stubEnv(name, value)
  for (const name of ['AWS_PROFILE', 'AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_SESSION_TOKEN']) vi.stubEnv(name, '')
})
afterEach(() => vi.unstubAllEnvs())

/** Bytes that look like nothing, the same for the same seed. */
function noise(bytes: number, seed: string): Buffer {
  const key = createHash('sha256').update(seed).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(bytes))
}

const findIn = (store: S3Server, path: string, options: S3Options = store.options()) =>
  discover([`s3://${store.bucket}/${path}`], { concurrency: 4, s3: options })

const isBytes = ({ kind, method }: Request) => kind === 'object' && method === 'GET'

describe('listing', () => {
  it('finds any number of keys, page by page, and reads each once over few sockets', async () => {
    const store = await S3Server.start()
    const keys = Array.from({ length: 2600 }, (_, n) => `wal/router-${n % 3}/${SEGMENTS}/${segmentName(n)}`)
    store.put(Object.fromEntries(keys.map((key, n) => [key, `${n}\n`])))
    const { files, pods, bytes } = await findIn(store, 'wal/')
    expect(pods).toEqual(['router-0', 'router-1', 'router-2'])
    expect(files).toHaveLength(keys.length)
    expect(store.requests.map(({ kind }) => kind)).toEqual(['list', 'list', 'list'])
    const got = await read(files)
    expect(got.map(({ bytes, problem }) => [bytes.toString(), problem])).toEqual(keys.map((_, n) => [`${n}\n`, null]))
    expect(bytes).toBe(got.reduce((sum, one) => sum + one.bytes.length, 0))
    expect(store.requests.filter(isBytes)).toHaveLength(keys.length)
    expect(store.mostSockets).toBeLessThanOrEqual(16)
  })

  it('takes every key as it is spelt', async () => {
    const store = await S3Server.start()
    const pods = UGLY_PODS
    store.put(Object.fromEntries(pods.map((pod) => [`${pod}/${SEGMENT}`, `${pod}\n`])))
    const found = await findIn(store, '')
    expect(found.pods).toEqual([...pods].sort())
    expect(found.unreadable).toEqual([])
    const expected = pods.map((pod) => [`${pod}/${SEGMENT}`, Buffer.from(`${pod}\n`).toString('latin1')])
    expect(await contents(found.files)).toEqual(Object.fromEntries(expected))
    // A prefix is taken as it is spelt, too.
    for (const pod of pods)
      expect((await findIn(store, `${pod}/`)).files, pod).toContainEqual(expect.objectContaining({ path: SEGMENT }))
  })

  it('takes a prefix for a folder, a key for a file, and else for what it begins', async () => {
    const store = await S3Server.start()
    const wal = `pods/a/telemetry.wal`
    store.put({ [`pods/a/${SEGMENT}`]: 'one\n', [wal]: 'legacy\n', [`${wal}.offset`]: '3', 'pods-old/b.wal': 'old\n' })
    store.put({ 'pods/': '', 'pods/a/notes.txt': 'x', 'odd-name': 'odd\n', 'empty/x.txt': '' })
    const names = async (path: string) => (await findIn(store, path)).files.map(({ path, pod }) => `${pod}: ${path}`)
    const segment = `a: ${SEGMENT}`
    expect(await names('pods')).toEqual(['a: a/telemetry.wal', `a: a/${SEGMENT}`])
    expect(await names('pods/a')).toEqual(['a: telemetry.wal', segment])
    expect(await names(`pods/a/${SEGMENTS}`)).toEqual([segment])
    expect(await names(`pods/a/${SEGMENT}`)).toEqual([segment])
    expect(await names('pods/a/telemetry')).toEqual(['a: telemetry.wal', segment])
    expect(await names('odd-name')).toEqual([`${store.bucket}: odd-name`])
    expect(await names('')).toHaveLength(3)
    expect((await findIn(store, wal)).files).toMatchObject([{ path: 'telemetry.wal', checkpoint: { offset: 3 } }])
    for (const nothing of ['pods/b', 'pod/', 'empty'])
      await expect(findIn(store, nothing), nothing).rejects.toMatchObject({ code: 'source_not_found' })
    const twice = await discover(
      ['pods', 'pods/a/'].map((path) => `s3://${store.bucket}/${path}`),
      {
        concurrency: 4,
        s3: store.options(),
      },
    )
    expect(twice.files).toHaveLength(2)
    expect(twice.live).toEqual([])
  })

  it.each<[string, Fault]>([
    ['goes round in circles', { token: Buffer.from('a').toString('base64url') }],
    ['breaks off', { token: null }],
  ])('fails where it %s', async (_, wrong) => {
    const store = await S3Server.start()
    store.put({ 'a/telemetry.wal': 'x\n', 'b/telemetry.wal': 'y\n' })
    store.pageKeys = 1
    store.fault = () => wrong
    await expect(findIn(store, '')).rejects.toMatchObject({ code: 'source_failed' })
    expect(store.requests.length).toBeLessThan(5)
  })
})

/** Answers every request for a page with what the test writes. */
async function listingOf(page: (request: number) => string): Promise<S3Options> {
  let requests = 0
  const server = createHttpServer((_, response) => {
    const head = '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><EncodingType>url</EncodingType>'
    response.end(`${head}${page(requests++)}</ListBucketResult>`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  return { endpoint: `http://127.0.0.1:${port}`, pathStyle: true, timeoutMs: 5000 }
}
const entry = (key: string, size = '5') =>
  `<Contents><Key>${key}</Key><ETag>"${'0'.repeat(32)}"</ETag><Size>${size}</Size></Contents>`
const more = (token: string) => `<IsTruncated>true</IsTruncated><NextContinuationToken>${token}</NextContinuationToken>`

describe('a listing that cannot be whole fails', () => {
  it.each<[string, (request: number) => string]>([
    ['that begins anew, each time under a new token', (n) => entry('a.wal') + entry('b.wal') + more(`token-${n}`)],
    ['that goes on without a key for ever', (n) => more(`token-${n}`)],
    ['with an empty token', () => entry('a.wal') + more('')],
    ['with a key that is no text', () => entry('a%FF.wal')],
    ['with a key whose encoding is broken', () => entry('100%.wal')],
    ['with a negative size', () => entry('a.wal', '-5')],
    ['with a size that is no number', () => entry('a.wal', 'many')],
    ['with a size beyond counting', () => entry('a.wal', '99999999999999999999')],
    ['without sizes', () => '<Contents><Key>a.wal</Key></Contents>'],
    ['with keys that nobody asked for', () => entry('elsewhere.wal')],
    ['that is no listing', () => '<Contents><Key>a.wal'],
  ])('%s', async (_, page) => {
    const s3 = await listingOf(page)
    const prefix = /elsewhere/.test(page(0)) ? 'pods/' : ''
    await expect(discover([`s3://some-bucket/${prefix}`], { concurrency: 4, s3 })).rejects.toMatchObject({
      code: 'source_failed',
    })
  })

  it('but empty pages on the way are none of that', async () => {
    const pages = [more('1'), more('2'), entry('x.wal', '0') + more('3'), more('4'), entry('y.wal', '0')]
    const s3 = await listingOf((n) => pages[n])
    const { files } = await discover(['s3://some-bucket/'], { concurrency: 4, s3 })
    expect(files.map(({ path }) => path)).toEqual(['x.wal', 'y.wal'])
  })
})

it('a checkpoint belongs to the file of its own folder, also where that has no name', async () => {
  const store = await S3Server.start()
  store.put({ '/telemetry.wal': 'one\n', '/telemetry.wal.offset': '4', 'telemetry.wal': 'two\n', '//other': 'x\n' })
  store.put({ '//other.offset': '2' })
  const { files } = await findIn(store, '')
  expect(files.map(({ path, checkpoint }) => [path, checkpoint])).toEqual([
    ['//other', { state: 'at', offset: 2 }],
    ['/telemetry.wal', { state: 'at', offset: 4 }],
    ['telemetry.wal', { state: 'none' }],
  ])
})

describe('reading', () => {
  const large = noise(30_000_000, 'large')

  it('asks for several objects at once, in their order', async () => {
    const store = await S3Server.start()
    store.put(Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`${100 + n}.wal`, `${n}\n`])))
    store.latencyMs = 30
    const got = await read((await findIn(store, '')).files)
    expect(got.map(({ bytes }) => bytes.toString())).toEqual(Array.from({ length: 60 }, (_, n) => `${n}\n`))
    expect(store.mostUnderWay).toBeGreaterThanOrEqual(4)
    expect(store.mostUnderWay).toBeLessThanOrEqual(16)
  })

  it('asks for ranges side by side, and in bounded memory', async () => {
    const store = await S3Server.start()
    store.put({ 'a.wal': large })
    store.latencyMs = 30
    const { files } = await findIn(store, '')
    const [{ bytes, problem }] = await read(files)
    expect(problem).toBeNull()
    expect(bytes.equals(large)).toBe(true)
    const ranges = store.requests.filter(isBytes).map(({ range }) => range)
    expect(ranges).toHaveLength(Math.ceil(large.length / PART))
    expect(new Set(ranges).size).toBe(ranges.length)
    for (const { headers } of store.requests.filter(isBytes))
      expect(headers['if-match']).toBe(store.objects.get('a.wal')?.etag)
    expect(store.mostUnderWay).toBeGreaterThan(1)
    expect(store.mostUnderWay).toBeLessThanOrEqual(4)
  })

  it('goes on from where a body was cut, in the same version', async () => {
    const store = await S3Server.start()
    store.put({ 'a.wal': large, 'b.wal': 'small\n' })
    const cuts = new Map<string, number>()
    store.fault = (request) => {
      if (!isBytes(request)) return null
      const part = `${request.key} ${request.range?.split('-')[1]}`
      const times = (cuts.get(part) ?? 0) + 1
      cuts.set(part, times)
      return times > 2 ? null : { bodyBytes: 3 + times * 1_000_000, end: 'cut' }
    }
    const got = await read((await findIn(store, '')).files)
    expect(got.map(({ problem }) => problem)).toEqual([null, null])
    expect(got[0].bytes.equals(large)).toBe(true)
    expect(got[1].bytes.toString()).toBe('small\n')
    // Nothing that had come was asked for again: three requests for each part, none from its beginning twice.
    const ranges = store.requests.filter(({ key }) => key === 'a.wal').map(({ range }) => range)
    // (The last part is shorter than what comes before the first cut.)
    expect(ranges).toHaveLength(3 * Math.floor(large.length / PART) + 1)
    expect(new Set(ranges).size).toBe(ranges.length)
  })

  it('is patient with a store that throttles, fails, resets and stands still', async () => {
    const store = await S3Server.start()
    const keys = Array.from({ length: 60 }, (_, n) => `a/${SEGMENTS}/${segmentName(n)}`)
    store.put(Object.fromEntries(keys.map((key, n) => [key, noise(2000 + n, key)])))
    const faults: Fault[] = [
      SLOW_DOWN,
      { status: 500, code: 'InternalError' },
      'reset',
      { bodyBytes: 100, end: 'stall' },
      { status: 429, code: 'TooManyRequests' },
    ]
    store.fault = ({ number }) => (number % 3 === 0 ? faults[(number / 3) % faults.length] : null)
    const found = await findIn(store, 'a', store.options(300))
    expect(found.unreadable).toEqual([])
    const got = await read(found.files)
    expect(got).toHaveLength(keys.length)
    for (const [n, { bytes, problem }] of got.entries()) {
      expect(problem).toBeNull()
      expect(bytes.equals(noise(2000 + n, keys[n])), keys[n]).toBe(true)
    }
  })

  it('never mixes versions: an object that changed, or is gone, is named', async () => {
    const store = await S3Server.start()
    store.put({ 'changed.wal': 'before\n', 'gone.wal': 'x\n', 'kept.wal': 'kept\n', 'later.wal': large })
    const { files } = await findIn(store, '')
    store.put({ 'changed.wal': 'after!\n' })
    store.objects.delete('gone.wal')
    store.fault = ({ key, range }) => {
      // While it is read: the parts that are still to come are of another version.
      if (key === 'later.wal' && range?.startsWith('bytes=0-') === false) store.put({ 'later.wal': 'other' })
      return null
    }
    const got = await read(files)
    expect(got.map(({ file, problem }) => [file.path, problem?.kind, problem?.reason])).toEqual([
      ['changed.wal', 'unreadable', 'the object changed since it was listed'],
      ['gone.wal', 'unreadable', 'the object is gone since it was listed'],
      ['kept.wal', undefined, undefined],
      ['later.wal', 'unreadable', 'the object changed since it was listed'],
    ])
    expect(got[0].bytes.length).toBe(0)
    expect(large.subarray(0, got[3].bytes.length).equals(got[3].bytes)).toBe(true)
    // What was found says so before a byte is read, so that a run does not go on from another version.
    expect(new Set([...files, ...(await findIn(store, '')).files].map(({ version }) => version)).size).toBe(6)
  })

  it('names an object whose bytes are not those that the store was given', async () => {
    const store = await S3Server.start()
    const content = noise(9_000_000, 'content')
    const flipped = Buffer.from(content)
    flipped[8_999_999] ^= 1
    const put = (key: string, body: Buffer, as: ReturnType<typeof storedObject>) =>
      store.objects.set(key, { ...as, body })
    const pieces = storedObject(content, 'several pieces')
    const crc64 = new Crc64Nvme()
    crc64.update(content)
    const checksums = {
      'x-amz-checksum-crc64nvme': Buffer.from(await crc64.digest()).toString('base64'),
      'x-amz-checksum-type': 'FULL_OBJECT',
    }
    const parts = { 'x-amz-checksum-crc32': 'AAAAAA==-2', 'x-amz-checksum-type': 'COMPOSITE' }
    const kms = { ...storedObject('other'), headers: { 'x-amz-server-side-encryption': 'aws:kms' } }
    const sha256 = { 'x-amz-checksum-sha256': createHash('sha256').update(content).digest('base64') }
    for (const [kind, as] of Object.entries({
      md5: storedObject(content),
      crc32: pieces,
      crc64: { ...pieces, checksums },
    })) {
      put(`${kind}-right.wal`, content, as)
      put(`${kind}-wrong.wal`, flipped, as)
    }
    put('kms-right.wal', content, { ...kms, checksums: sha256 })
    put('kms-wrong.wal', flipped, { ...kms, checksums: sha256 })
    // Nothing to compare with: an ETag that is no MD5, a checksum of checksums.
    put('none-right.wal', content, kms)
    put('parts-right.wal', content, { ...pieces, checksums: parts })
    const got = await read((await findIn(store, '')).files)
    expect(got).toHaveLength(10)
    for (const { file, problem } of got)
      if (file.path.includes('right')) expect(problem, file.path).toBeNull()
      else
        expect(problem?.reason, file.path).toMatch(/^its (MD5|CRC-32|CRC-64\/NVME|SHA-256) is not what the store says$/)
  })

  it('leaves no socket behind when objects are left early, or not read at all', async () => {
    const store = await S3Server.start()
    store.put(Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`${n}.wal`, noise(300_000, `${n}`)])))
    const { files } = await findIn(store, '')
    let seen = 0
    for await (const { chunks } of readFiles(files)) {
      seen++
      if (seen % 2 === 0) for await (const chunk of chunks) if (chunk.length > 0) break
    }
    expect(seen).toBe(200)
    for await (const { file } of readFiles(files)) if (file.index === 3) break
    expect(await contents(files.slice(0, 1))).toHaveProperty(['0.wal'])
    expect(store.mostSockets).toBeLessThanOrEqual(16)
  })

  it('of archives is the same as of files, cut and damaged ones too', async () => {
    const store = await S3Server.start()
    const archive = await tarOf(
      ['a', 'b'].map((pod) => ({ name: `${pod}/telemetry.wal`, content: noise(5_000_000, pod) })),
    )
    store.put({ 'pods.tar': archive, 'cut.tar': archive.subarray(0, 6_000_000), 'broken.tgz': noise(10_000, 'broken') })
    const { files, unreadable } = await findIn(store, '')
    expect(unreadable.map(({ path }) => path).sort()).toEqual(['broken.tgz', 'cut.tar'])
    const got = await read(files)
    expect(got.map(({ file, problem }) => [file.path, problem?.kind])).toEqual([
      ['cut.tar/a/telemetry.wal', undefined],
      ['cut.tar/b/telemetry.wal', 'truncated_archive'],
      ['pods.tar/a/telemetry.wal', undefined],
      ['pods.tar/b/telemetry.wal', undefined],
    ])
    for (const { file, bytes } of got)
      expect(noise(5_000_000, file.pod).subarray(0, bytes.length).equals(bytes)).toBe(true)
  })
})

describe('what a store refuses', () => {
  const secrets = new RegExp(`${CREDENTIALS.AWS_SECRET_ACCESS_KEY}|SECRET-ECHO|\\u001b`)

  it.each<[string, Fault, string, RegExp]>([
    ['the bucket', { status: 403, code: 'AccessDenied' }, 'access_denied', /s3:ListBucket/],
    ['a bad key', { status: 403, code: 'SignatureDoesNotMatch' }, 'access_denied', /AWS_PROFILE/],
    ['an expired token', { status: 400, code: 'ExpiredToken' }, 'access_denied', /renew/],
    ['a bucket that is not there', { status: 404, code: 'NoSuchBucket' }, 'source_not_found', /name/],
    ['what it does not know', { status: 501, code: 'NotImplemented' }, 'source_failed', /endpoint/],
    ['a request that it does not understand', { status: 400, code: 'InvalidArgument' }, 'source_failed', /endpoint/],
  ])('%s', async (_, fault, code, hint) => {
    vi.stubEnv('AWS_PROFILE', 'billing')
    const folder = tempFolder()
    const profile = '[billing]\naws_access_key_id = TESTKEY\naws_secret_access_key = test-secret-key\n'
    writeFileSync(join(folder, 'credentials'), profile)
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder, 'credentials'))
    vi.stubEnv('AWS_ACCESS_KEY_ID', '')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', '')
    const store = await S3Server.start()
    store.fault = () => fault
    const error = await findIn(store, 'x').catch((thrown) => thrown)
    expect(error).toMatchObject({ code, hint: expect.stringMatching(hint) })
    if (code === 'access_denied') expect(error.message).toContain('profile billing')
    expect(`${error.message} ${error.hint} ${error.place}`).not.toMatch(secrets)
  })

  it('one object: it is named, and the others are read', async () => {
    const store = await S3Server.start()
    store.put({
      'a.wal': 'a\n',
      'b.wal': 'b\n',
      'b.wal.offset': '1',
      'c.tar': 'x',
      'd.wal.gz': 'x',
      'd.wal.offset': '0',
    })
    store.fault = ({ key }) =>
      /^(a|b\.wal\.offset|c|d\.wal\.gz)/.test(key) ? { status: 403, code: 'AccessDenied' } : null
    const { files, unreadable } = await findIn(store, '')
    const got = await read(files)
    expect(unreadable).toEqual([
      { path: 'c.tar', reason: 'the store refuses it (AccessDenied)' },
      { path: 'b.wal.offset', reason: 'the store refuses it (AccessDenied)' },
    ])
    expect(got.map(({ file, problem }) => [file.path, problem?.reason])).toEqual([
      ['a.wal', 'the store refuses it (AccessDenied)'],
      ['b.wal', undefined],
      ['d.wal.gz', 'the store refuses it (AccessDenied)'],
    ])
  })

  it('requests without credentials: said so', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(name, '')
    const store = await S3Server.start()
    await expect(findIn(store, '')).rejects.toMatchObject({ code: 'access_denied' })
    expect(store.requests).toEqual([])
  })

  it('tokens that ran out on the way: newer ones are asked for, and what was broken off is read on', async () => {
    const folder = tempFolder()
    const script = join(folder, 'credentials.sh')
    writeFileSync(
      script,
      `#!/bin/sh\necho x >> ${folder}/asked\nprintf '{"Version":1,"AccessKeyId":"TESTKEY","SecretAccessKey":"s","SessionToken":"token-%s"}' $(wc -l < ${folder}/asked)\n`,
    )
    chmodSync(script, 0o755)
    writeFileSync(join(folder, 'config'), `[default]\ncredential_process = ${script}\n`)
    vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'config'))
    vi.stubEnv('AWS_ACCESS_KEY_ID', '')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', '')
    const store = await S3Server.start()
    store.put(Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`${n}.wal`, `${n}\n`])))
    let valid = 'token-1'
    store.fault = ({ headers, number }) => {
      if (number === 12) valid = 'token-2'
      return headers['x-amz-security-token'] === valid ? null : { status: 400, code: 'ExpiredToken' }
    }
    const got = await read((await findIn(store, '')).files)
    expect(got.map(({ problem }) => problem)).toEqual(got.map(() => null))
    expect(got).toHaveLength(30)
  })

  it('connections', async () => {
    const server = createServer()
    const port = await new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
    )
    await new Promise((resolve) => server.close(resolve))
    const s3 = { endpoint: `http://127.0.0.1:${port}`, pathStyle: true, timeoutMs: 1000 }
    await expect(discover(['s3://some-bucket/x'], { concurrency: 1, s3 })).rejects.toMatchObject({
      code: 'source_unreachable',
      place: 's3://some-bucket/x/',
    })
  })

  it('is not asked at all where a URL names no bucket; the URL is not repeated', async () => {
    for (const url of ['s3://', 's3:///key', 's3://user:hunter2@bucket/x', 's3://-/x']) {
      const error = await discover([url], {
        concurrency: 1,
        s3: { endpoint: undefined, pathStyle: false, timeoutMs: 1 },
      }).catch((thrown) => thrown)
      expect(error).toMatchObject({ code: 'usage' })
      expect(`${error.message} ${error.hint}`).not.toContain('hunter2')
    }
  })

  it('stops when it is told to, in the middle of waiting', async () => {
    const store = await S3Server.start()
    store.fault = () => SLOW_DOWN
    const stop = new AbortController()
    const found = discover([`s3://${store.bucket}/`], { concurrency: 1, s3: store.options(), signal: stop.signal })
    found.catch(() => {})
    while (store.requests.length < 3) await sleep(10)
    stop.abort()
    await expect(found).rejects.toMatchObject({ name: 'AbortError' })
  })
})
