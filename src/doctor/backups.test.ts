import { mkdtempSync, rmSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { makerPath, writeJson } from '../backup/manifest.js'
import { directoryStorage } from '../backup/storage/directory.js'
import type { Store } from '../backup/store.js'
import { takeBackup } from '../backup/take.js'
import type { BackupsOptions, StoreName } from '../domain/backup.js'
import { examineBackups } from './backups.js'

const HOUR_MS = 3_600_000
const signal = new AbortController().signal
const keys = { ageRecipients: undefined, ageIdentity: undefined, gpgPassphraseFile: undefined }

let place: string
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'doctor-'))
})
afterEach(() => rmSync(place, { recursive: true, force: true }))

async function* bytes() {
  yield Buffer.from('a dump')
}

async function take(name: StoreName): Promise<string> {
  const store: Store = {
    name,
    backup: async (writer) => {
      await writer.add('dump', bytes())
      const contents = { databases: [], tables: [], facts: {} }
      return { programs: {}, serverVersion: '1', source: 'x', contents, notes: [] }
    },
    check: async () => [],
    drill: async () => [],
  }
  return (await takeBackup(store, directoryStorage(place), { keys, bytesPerSecond: undefined }, signal)).id
}

const look = (nowMs: number) => examineBackups({ place } as BackupsOptions, 26 * HOUR_MS, nowMs, signal)
const about = async (nowMs = Date.now()) =>
  (await look(nowMs)).problems.map((problem) => `${problem.about}: ${problem.reason}`)

it('misses backups of Postgres and ClickHouse, not of Redis, which need not have any', async () => {
  expect(await about()).toEqual([
    'backups of postgres: there is no complete one',
    'backups of clickhouse: there is no complete one',
  ])
})

it('tells of the newest one, and of its age once that is too high', async () => {
  await take('clickhouse')
  for (let times = 0; times < 2; times++) await take('postgres')
  const { stores } = await look(Date.now())
  expect(stores.map(({ store, counts }) => [store, counts])).toEqual([
    ['postgres', { complete: 2 }],
    ['redis', {}],
    ['clickhouse', { complete: 1 }],
  ])
  expect(await about(Date.now() + 25 * HOUR_MS)).toEqual([])
  expect(await about(Date.now() + 26.5 * HOUR_MS)).toEqual([
    'backups of postgres: the newest complete one is 26 h old',
    'backups of clickhouse: the newest complete one is 26 h old',
  ])
})

it('names what is damaged, and what nobody will finish', async () => {
  for (const name of ['postgres', 'clickhouse', 'redis'] as const) await take(name)
  const id = await take('redis')
  rmSync(join(place, 'redis', id, 'dump'))
  // Of a process that is gone: no system has so many.
  await writeJson(
    directoryStorage(place),
    makerPath('redis', '20260101T000000Z-abcdef'),
    { pid: 2 ** 30, host: hostname() },
    signal,
  )
  expect(await about()).toEqual(['backups of redis: damaged: 1', 'backups of redis: begun and never finished: 1'])
})
