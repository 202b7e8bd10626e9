import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
// @ts-expect-error a plain script, without types
import { oblethSchema } from '../../samples/obleth-schema.js'
import { BackupDir, type CommandEnd } from '../support/backup-dir.js'
import { canEncrypt, makeKey } from '../support/keys.js'
import { seeded } from '../support/kill-run.js'
import { LedgerDir } from '../support/ledger-dir.js'
import { fillObleth, sql } from '../support/obleth-postgres.js'
import { postgresPrograms, startPostgres, type TestPostgres } from '../support/postgres.js'
import { insertOf, ROLLUP_SQL, record, rollupOf } from '../support/records.js'
import { KMS_KEYS } from '../support/s3/encryption.js'
import { type Fault, type Request, SLOW_DOWN } from '../support/s3/faults.js'

vi.setConfig({ testTimeout: 200_000 })

const programs = postgresPrograms()
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8]
const POLL_MS = 5
const KEEP_ALL = ['backups', 'prune', '--confirm', '--keep-last', '100']

const errorOf = ({ document }: CommandEnd) => document.error as { code: string; message: string; hint: string }
/** A part of an upload on its way. */
const isPart = ({ method, kind }: Request) => method === 'PUT' && kind === 'upload'

describe('a ledger whose backups are in a bucket', () => {
  const OURS = Array.from({ length: 3000 }, (_, n) => record(n))
  let place: BackupDir
  let ledger: LedgerDir
  beforeEach(async () => {
    place = await BackupDir.inBucket()
    ledger = new LedgerDir()
    ledger.sql(...oblethSchema(), insertOf(OURS))
  })
  afterEach(async () => {
    ledger.remove()
    await place.remove()
  })

  it.each((['none', 'age'] as const).filter(canEncrypt))(
    'encrypted with %s and by the store, is lost and comes back',
    async (encryption) => {
      const key = makeKey(encryption, place.root)
      const at = ['--embedded', ledger.ledger]
      place.store.writes.encrypts = 'asked only'
      const sse = ['--s3-sse', 'aws:kms', '--s3-sse-key', 'alias/backups']
      const taken = await place.run(['backup', 'clickhouse', ...at, ...key.take, ...sse])
      expect(taken.code, taken.output).toBe(0)
      expect(taken.document).toMatchObject({
        encryption,
        serverSideEncryption: { algorithm: 'aws:kms', keyId: 'alias/backups' },
      })
      expect(place.store.objects.size).toBeGreaterThanOrEqual(3)
      for (const { headers } of place.store.objects.values())
        expect(headers['x-amz-server-side-encryption-aws-kms-key-id']).toBe(KMS_KEYS['alias/backups'])
      const verified = await place.run(['backups', 'verify', ...key.open])
      expect(verified, verified.output).toMatchObject({
        code: 0,
        document: { verified: [{ opened: true, findings: [] }] },
      })
      const [listed] = await place.list()
      expect(listed.manifest?.serverSideEncryption).toEqual({ algorithm: 'aws:kms', keyId: 'alias/backups' })

      rmSync(ledger.ledger, { recursive: true })
      const restored = await place.run(['restore', 'clickhouse', ...at, ...key.open, '--yes'])
      expect(restored, restored.output).toMatchObject({ code: 0, document: { restored: true, rollup: 'consistent' } })
      const [ids, sums] = ledger.sql('SELECT toString(request_id) AS id FROM obleth.usage ORDER BY id', ROLLUP_SQL)
      expect(ids.map(({ id }) => id)).toEqual(OURS.map(({ request_id }) => request_id).sort())
      expect(Object.fromEntries(sums.map(({ key, sums: s }) => [key, s]))).toEqual(rollupOf(OURS))
    },
  )
})

describe.skipIf(programs === null)('a backup of Postgres into a bucket', () => {
  let postgres: TestPostgres
  let place: BackupDir
  let url: string
  /** A good backup from before. */
  let earlier: string
  beforeAll(async () => {
    postgres = await startPostgres(programs as string)
    url = await fillObleth(postgres.url, 'obleth')
    place = await BackupDir.inBucket()
    earlier = (await place.run(['backup', 'postgres'], { OBLETH_DATABASE_URL: url })).document.id
    // Enough for a dump in several parts, since it does not compress.
    await sql(url, 'CREATE TABLE bulk AS SELECT n, gen_random_bytes(400) AS bytes FROM generate_series(1, 60000) n')
  })
  afterEach(async () => {
    place.store.fault = () => null
    await place.store.listen()
  })
  afterAll(async () => {
    await place?.remove()
    await postgres?.stop()
  })

  const start = (timeout = '2s') =>
    place.start(['backup', 'postgres', '--s3-timeout', timeout], { OBLETH_DATABASE_URL: url })
  const ids = () => new Set([...place.store.objects.keys()].map((key) => key.split('/')[2]))
  const held = async () => (await place.list()).map(({ id, state }) => [id, state])
  /** The earlier backup is sound, and nothing else is left once what is incomplete has been pruned. */
  const expectOnlyEarlier = async () => {
    for (const [id, state] of await held())
      expect([id, state]).toEqual([id, id === earlier ? 'complete' : 'incomplete'])
    const pruned = await place.run(KEEP_ALL)
    expect(pruned.code, pruned.output).toBe(0)
    expect(await held()).toEqual([[earlier, 'complete']])
    expect([...ids()]).toEqual([earlier])
    expect(place.store.writes.begun.size).toBe(0)
    const verified = await place.run(['backups', 'verify', earlier])
    expect(verified.code, verified.output).toBe(0)
  }

  it('that throttles, fails, cuts, resets and loses answers is complete', async () => {
    const faults: readonly Fault[] = [
      SLOW_DOWN,
      { status: 500, code: 'InternalError' },
      'reset',
      { requestBytes: 1000 },
      'lost answer',
    ]
    let n = 0
    place.store.fault = ({ method }) => (method === 'GET' || n++ % 2 === 0 ? null : faults[(n >> 1) % faults.length])
    const taken = await start().ended
    expect(taken.code, taken.output).toBe(0)
    place.store.fault = () => null
    const { id } = taken.document
    const verified = await place.run(['backups', 'verify', id])
    expect(verified, verified.output).toMatchObject({
      code: 0,
      document: { verified: [{ opened: true, findings: [] }] },
    })
    expect(place.store.writes.begun.size).toBe(0)
    for (const key of place.store.objects.keys()) if (key.includes(id)) place.store.objects.delete(key)
  })

  const BROKEN: readonly [string, Fault, number, string, RegExp][] = [
    ['vanishes', { status: 404, code: 'NoSuchBucket' }, 10, 'source_not_found', /name/],
    ['takes its credentials no more', { status: 403, code: 'InvalidAccessKeyId' }, 12, 'access_denied', /AWS_PROFILE/],
    ['may not be written to any more', { status: 403, code: 'AccessDenied' }, 12, 'access_denied', /s3:PutObject/],
    ['has tokens that run out', { status: 400, code: 'ExpiredToken' }, 12, 'access_denied', /AWS_PROFILE/],
    ['has lost its key', { status: 400, code: 'KMS.DisabledException' }, 12, 'access_denied', /--s3-sse-key/],
  ]

  it.each(BROKEN)('that %s in the middle fails, and nothing of it is left', async (_, fault, code, error, hint) => {
    let broken = false
    place.store.fault = (request) => {
      broken ||= isPart(request)
      return broken ? fault : null
    }
    const end = await start().ended
    expect([end.code, errorOf(end).code], end.output).toEqual([code, error])
    expect(errorOf(end).hint).toMatch(hint)
    for (const secret of ['SECRET-ECHO', 'test-secret-key', '\u001b']) expect(end.output).not.toContain(secret)
    expect(broken).toBe(true)
    place.store.fault = () => null
    await expectOnlyEarlier()
  })

  it.each(BROKEN)(
    'that %s from the beginning fails, and nothing of it is there',
    async (_, fault, code, error, hint) => {
      place.store.fault = () => fault
      const end = await start().ended
      expect([end.code, errorOf(end).code], end.output).toEqual([code, error])
      expect(errorOf(end).hint).toMatch(hint)
      place.store.fault = () => null
      expect([...ids()]).toEqual([earlier])
      await expectOnlyEarlier()
    },
  )

  it('that cannot be reached from the beginning says so', async () => {
    await place.store.stop()
    const end = await start().ended
    expect([end.code, errorOf(end).code], end.output).toEqual([13, 'target_unreachable'])
    expect(errorOf(end).hint).toContain('--s3-endpoint')
    await place.store.listen()
    await expectOnlyEarlier()
  })

  it('that is gone in the middle says so, and prune clears away what it left', async () => {
    let stopped: Promise<void> | undefined
    place.store.fault = (request) => {
      if (isPart(request)) stopped ??= place.store.stop()
      return null
    }
    const end = await start().ended
    expect([end.code, errorOf(end).code], end.output).toEqual([13, 'target_unreachable'])
    await stopped
    place.store.fault = () => null
    await place.store.listen()
    expect((await held()).map(([, state]) => state)).toEqual(['incomplete', 'complete'])
    await expectOnlyEarlier()
  })

  it('stopped by SIGTERM while the store stands still does not wait for it', async () => {
    const stalled = new Promise<void>((resolve) => {
      place.store.fault = (request) => {
        if (!isPart(request)) return null
        resolve()
        return 'stall'
      }
    })
    const started = start('1h')
    await stalled
    started.kill('SIGTERM')
    const end = await started.ended
    expect([end.code, errorOf(end).code], end.output).toEqual([143, 'interrupted'])
    expect([...ids(), place.store.writes.begun.size]).toEqual([earlier, 0])
    place.store.fault = () => null
    await expectOnlyEarlier()
  })

  it('killed at any moment is complete or shown as incomplete, and pruned with its uploads', async () => {
    const began = performance.now()
    const whole = await start().ended
    expect(whole.code, whole.output).toBe(0)
    const lastsMs = performance.now() - began
    const complete = new Set([earlier, whole.document.id])
    let uploads = 0
    for (const seed of SEEDS) {
      const started = start()
      await sleep(seeded(seed)() * lastsMs)
      started.kill('SIGKILL')
      await started.ended
      uploads += place.store.writes.begun.size
      for (const [id, state] of await held()) {
        expect([seed, ['complete', 'incomplete'].includes(state)]).toEqual([seed, true])
        if (state === 'complete') complete.add(id)
      }
      const pruned = await place.run(KEEP_ALL)
      expect(pruned.code, pruned.output).toBe(0)
      expect(ids()).toEqual(complete)
      expect(place.store.writes.begun.size).toBe(0)
    }
    // Killed where it matters, too: in the middle of an upload.
    const started = start()
    while (place.store.writes.begun.size === 0) await sleep(POLL_MS)
    started.kill('SIGKILL')
    await started.ended
    expect(uploads + place.store.writes.begun.size).toBeGreaterThan(0)
    expect((await place.run(KEEP_ALL)).code).toBe(0)
    expect([ids(), place.store.writes.begun.size]).toEqual([complete, 0])
    const verified = await place.run(['backups', 'verify'])
    expect(verified.code, verified.output).toBe(0)
  })
})
