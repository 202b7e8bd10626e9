import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LedgerDir, type Ran } from '../support/ledger-dir.js'
import { type Fault as PodFault, Pods } from '../support/pods/index.js'
import { lineOf, record, segment } from '../support/records.js'
import { type Fault, SLOW_DOWN } from '../support/s3/faults.js'
import { CREDENTIALS, S3Server } from '../support/s3/index.js'
import { segmentName } from '../support/wal-tree.js'
import { noZstd } from '../support/zstd.js'

const GENERATE = fileURLToPath(new URL('../../benchmarks/generate.js', import.meta.url))

const at = (store: S3Server) => ['--s3-endpoint', store.endpoint, '--s3-path-style', '--s3-timeout', '2s']

/** What must never be shown. */
function assertNoSecrets({ document, stderr }: Ran): void {
  const shown = `${JSON.stringify(document)}${stderr}`
  for (const secret of [CREDENTIALS.AWS_SECRET_ACCESS_KEY, 'SECRET-ECHO']) expect(shown).not.toContain(secret)
}

describe('the same outage, wherever its files are', () => {
  const root = mkdtempSync(join(tmpdir(), 'sources-'))
  const tree = join(root, 'tree')
  const tar = join(root, 'pods.tar')
  const files = () =>
    readdirSync(tree, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))

  async function ledgerOf(args: readonly string[], env: Record<string, string> = CREDENTIALS) {
    const dir = new LedgerDir()
    try {
      const ran = await dir.runBeside(['replay', ...args], env)
      expect(ran.stderr).toBe('')
      assertNoSecrets(ran)
      const { records, lines, sources } = ran.document
      const [[usage], [daily]] = dir.sql(
        'SELECT count() AS rows, sum(cityHash64(*)) AS hash FROM obleth.usage',
        'SELECT sum(requests) AS requests, sum(input_tokens) AS tokens, sum(cost_usd_sum) > 0 AS paid FROM obleth.usage_daily',
      )
      return { code: ran.code, records, lines, unreadable: sources.unreadable, pods: sources.pods, usage, daily }
    } finally {
      dir.remove()
    }
  }
  let plain: Awaited<ReturnType<typeof ledgerOf>>

  beforeAll(async () => {
    const options = ['--records', '110000', '--segment-bytes', '20000', '--checkpoints', '0.3', '--damage', '0.0001']
    execFileSync(process.execPath, [GENERATE, tree, ...options], { stdio: 'ignore' })
    execFileSync('tar', ['cf', tar, '-C', tree, '.'])
    plain = await ledgerOf([tree])
    expect(Number(plain.usage.rows)).toBeGreaterThan(90_000)
    expect(plain.pods).toBe(4)
  }, 300_000)
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  it('in a .tar', async () => {
    expect(await ledgerOf([tar])).toEqual(plain)
  })

  it('in a .tgz of several members, cut where they happened to be', async () => {
    const archive = readFileSync(tar)
    const cuts = [0, 1_000_001, 20_000_000, archive.length]
    const members = cuts.slice(1).map((end, i) => gzipSync(archive.subarray(cuts[i], end)))
    writeFileSync(join(root, 'pods.tgz'), Buffer.concat(members))
    expect(await ledgerOf([join(root, 'pods.tgz')])).toEqual(plain)
  })

  it.skipIf(noZstd !== null)('in a .tar.zst', async () => {
    execFileSync('zstd', ['-q', tar, '-o', join(root, 'pods.tar.zst')])
    expect(await ledgerOf([join(root, 'pods.tar.zst')])).toEqual(plain)
  })

  it('in a bucket of thousands of objects, behind a store that throttles, breaks off, resets and stands still', async () => {
    const store = await S3Server.start()
    store.put(Object.fromEntries(files().map((file) => [relative(tree, file), readFileSync(file)])), 'wal + backup/')
    expect(store.objects.size).toBeGreaterThan(2500)
    const faults: Fault[] = [
      SLOW_DOWN,
      { bodyBytes: 700, end: 'cut' },
      { status: 500, code: 'InternalError' },
      'reset',
      SLOW_DOWN,
    ]
    store.fault = ({ number }) => {
      if (number === 1500) return { bodyBytes: 10_000, end: 'stall' }
      return number % 20 === 7 ? faults[((number - 7) / 20) % faults.length] : null
    }
    expect(await ledgerOf([`s3://${store.bucket}/wal + backup`, ...at(store)])).toEqual(plain)
    // Two threads, each with its own.
    expect(store.mostSockets).toBeLessThanOrEqual(32)
  })

  it('in running pods, through streams that break off, stand still and flip bytes', async () => {
    const pods = Pods.start()
    const faults: PodFault[] = [
      { on: 'list', calls: [0], kind: 'cut', after: 5000 },
      { on: 'serve', calls: [0], kind: 'cut', after: 100_000 },
      { on: 'serve', calls: [1], kind: 'stall', after: 1_000_000 },
      { on: 'serve', calls: [2], kind: 'cut', after: 150_000, says: 'error: unexpected EOF' },
      { on: 'serve', calls: [3], kind: 'flip', after: 77_777 },
    ]
    const names = readdirSync(tree)
    for (const name of names) {
      pods.pod({ name, faults })
      mkdirSync(pods.at(name, '/var/lib'), { recursive: true })
      symlinkSync(join(tree, name), pods.at(name, '/var/lib/obleth'))
    }
    expect(await ledgerOf(['k8s://obleth/app=gateway?timeout=5s'], pods.env)).toEqual(plain)
    // Each fault was met, none of them cost more than one conversation, and a pod has hundreds of files.
    expect(pods.calls('serve')).toHaveLength(5 * names.length)
    expect(pods.calls('list')).toHaveLength(2 * names.length)
  })

  it.each(['a folder', 'a bucket'])('in a bundle in %s, which collect has made', async (place) => {
    const store = await S3Server.start()
    const [to, options] = place === 'a folder' ? [join(root, 'bundle'), []] : [`s3://${store.bucket}/bundle`, at(store)]
    const dir = new LedgerDir()
    const collected = await dir.runBeside(['collect', tree, '--to', to, '--concurrency', '16', ...options], CREDENTIALS)
    dir.remove()
    expect(collected.code, collected.stderr).toBe(0)
    expect(collected.stderr).toBe('')
    expect(await ledgerOf([to, ...options])).toEqual(plain)
  })

  it('as an archive in a bucket, half in one, half in a folder', async () => {
    const store = await S3Server.start()
    const [first, ...rest] = readdirSync(tree)
    const archive = execFileSync('tar', ['cz', '-C', tree, ...rest], { maxBuffer: 2 ** 30 })
    store.put({ 'pods.tar.gz': archive })
    const sources = [`s3://${store.bucket}/pods.tar.gz`, join(tree, first)]
    const { pods, ...same } = await ledgerOf([...sources, ...at(store)])
    expect(same).toEqual({ ...plain, pods: undefined })
    expect(pods).toBe(4)
  })
})

describe('a bucket', () => {
  const dirs: LedgerDir[] = []
  const ledgerDir = () => {
    const dir = new LedgerDir()
    dirs.push(dir)
    return dir
  }
  afterAll(() => {
    for (const dir of dirs) dir.remove()
  })
  const key = (n: number) => `pods/router-${n % 4}/telemetry.wal.segments/${segmentName(1_773_180_000_000 + n)}`
  async function bucket(objects = 40) {
    const store = await S3Server.start()
    for (let n = 0; n < objects; n++) store.put({ [key(n)]: segment([[record(2 * n), record(2 * n + 1)]]) })
    return store
  }
  const tokens = (records: number) => Array.from({ length: records }, (_, n) => 1000 + n * n).reduce((a, b) => a + b, 0)
  const SUMS = 'SELECT count() AS rows, sum(input_tokens) AS tokens FROM obleth.usage'

  it('can be inspected', async () => {
    const store = await bucket()
    const { code, document } = await ledgerDir().runBeside(
      ['inspect', `s3://${store.bucket}`, ...at(store)],
      CREDENTIALS,
    )
    expect(code).toBe(0)
    expect(document).toMatchObject({ records: { decoded: 80 }, sources: { pods: 4, files: 40, unreadable: [] } })
  })

  it('that was staged is published without reading it again, but not once an object has changed', async () => {
    const store = await bucket()
    const dir = ledgerDir()
    const command = ['replay', `s3://${store.bucket}/pods`, ...at(store)]
    const bytesRead = () => store.requests.filter(({ kind }) => kind === 'object').length
    expect((await dir.runBeside([...command, '--stage-only'], CREDENTIALS)).code).toBe(0)
    expect(bytesRead()).toBe(40)
    store.put({ [key(3)]: segment([[record(6), record(7), record(80)]]) })
    expect((await dir.runBeside([...command, '--stage-only'], CREDENTIALS)).document.records.decoded).toBe(81)
    expect(bytesRead()).toBe(80)
    const { code, document } = await dir.runBeside(command, CREDENTIALS)
    expect([code, document.records.inserted]).toEqual([0, 81])
    expect(bytesRead()).toBe(80)
    expect(dir.sql(SUMS)).toEqual([[{ rows: '81', tokens: String(tokens(81)) }]])
    // The same name in another store is another source.
    const other = await bucket(1)
    const elsewhere = ['replay', `s3://${other.bucket}/pods`, ...at(other)]
    expect((await dir.runBeside(elsewhere, CREDENTIALS)).document.runId).not.toBe(document.runId)
  })

  it('that cannot be reached any more ends the run; the same command goes on', async () => {
    const store = await bucket()
    const dir = ledgerDir()
    const command = ['replay', `s3://${store.bucket}/pods`, ...at(store)]
    store.fault = ({ key }) => {
      if (key === '' || store.requests.length < 20) return null
      void store.stop()
      return 'reset'
    }
    const { code, document } = await dir.runBeside(command, CREDENTIALS)
    expect([code, document.error?.code]).toEqual([13, 'source_unreachable'])
    store.fault = () => null
    await store.listen()
    expect((await dir.runBeside(command, CREDENTIALS)).code).toBe(0)
    expect(dir.sql(SUMS)).toEqual([[{ rows: '80', tokens: String(tokens(80)) }]])
  })

  it('with objects that cannot be had: the rest is loaded, the run is incomplete', async () => {
    const store = await bucket()
    store.put({ 'pods/router-0/telemetry.wal.gz': gzipSync(`${lineOf(record(80))}\n`).subarray(0, 30) })
    store.fault = (request) => (request.key === key(39) ? { status: 403, code: 'AccessDenied' } : null)
    const dir = ledgerDir()
    const { code, document } = await dir.runBeside(['replay', `s3://${store.bucket}/`, ...at(store)], CREDENTIALS)
    expect(code).toBe(3)
    expect(document.sources.unreadable.map(({ path }) => path).sort()).toEqual([
      'pods/router-0/telemetry.wal.gz',
      key(39),
    ])
    expect(dir.sql(SUMS)).toEqual([[{ rows: '78', tokens: String(tokens(78)) }]])
  })

  it.each<[string, Fault | null, Record<string, string>, number]>([
    ['is not there', { status: 404, code: 'NoSuchBucket' }, {}, 10],
    ['holds nothing there', null, {}, 10],
    ['may not be read', { status: 403, code: 'AccessDenied' }, {}, 12],
    ['is asked with wrong credentials', null, { AWS_ACCESS_KEY_ID: 'OTHER' }, 12],
  ])('that %s', async (_, fault, env, exit) => {
    const store = await S3Server.start()
    store.fault = () => fault
    const dir = ledgerDir()
    const ran = await dir.runBeside(['replay', `s3://${store.bucket}/pods`, ...at(store)], { ...CREDENTIALS, ...env })
    expect(ran.code).toBe(exit)
    expect(ran.stderr).not.toMatch(/warning|SDK/i)
    expect(ran.stderr).not.toContain('\u001b')
    assertNoSecrets(ran)
  })

  it('takes credentials from a program, as profiles name it', async () => {
    const store = await bucket()
    const dir = ledgerDir()
    const config = join(dir.root, 'aws-config')
    const answer = JSON.stringify({ Version: 1, AccessKeyId: 'TESTKEY', SecretAccessKey: 'x', SessionToken: 'y' })
    writeFileSync(join(dir.root, 'answer'), answer)
    writeFileSync(
      config,
      `[profile billing]\nregion = eu-central-1\ncredential_process = cat ${join(dir.root, 'answer')}\n`,
    )
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, ...others } = CREDENTIALS
    const env = { ...others, AWS_PROFILE: 'billing', AWS_CONFIG_FILE: config }
    const { code, document } = await dir.runBeside(['inspect', `s3://${store.bucket}`, ...at(store)], env)
    expect([code, document.records.decoded]).toEqual([0, 80])
    expect(store.requests[0].headers.authorization).toContain('/eu-central-1/s3/')
  })
})
