import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Encryption } from '../domain/backup.js'
import type { Lost, NewestBackup } from '../domain/doctor.js'
import { Secret } from '../domain/options.js'
import type { Deployment } from './deployment.js'
import { type DoctorOptions, doctor } from './index.js'
import { failureMatrix } from './matrix.js'
import { writeMetrics } from './metrics.js'
import { runbook } from './runbook.js'

const signal = new AbortController().signal

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'doctor-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** Of a deployment of which nothing is named but the place of its backups. */
const options = (place: string, lost?: Lost): DoctorOptions => ({
  place,
  s3: { endpoint: undefined, pathStyle: false, timeoutMs: 1000 },
  bytesPerSecond: undefined,
  keys: { ageRecipients: undefined, ageIdentity: undefined, gpgPassphraseFile: undefined },
  stores: {
    postgresUrl: undefined,
    redis: { url: undefined, caFile: undefined, dataDir: undefined },
    clickhouse: {
      url: undefined,
      user: 'default',
      password: new Secret(''),
      caCertificates: undefined,
      database: 'obleth',
      embedded: join(root, 'ledger'),
      timeoutMs: 1000,
    },
    clickhouseBackups: {
      tool: 'native',
      folder: undefined,
      disk: undefined,
      collection: undefined,
      breakLock: false,
      program: { url: undefined, user: undefined, password: undefined, remote: false, stepMs: 1000, answerMs: 1000 },
    },
  },
  sources: [],
  concurrency: 1,
  maxBackupAgeMs: 1000,
  archive: null,
  lost,
})

const LOST = ['redis', 'postgres', 'clickhouse'] as const

it('never calls a store without backup where the backups could not be looked at', async () => {
  const file = join(root, 'a file')
  writeFileSync(file, '')
  for (const lost of LOST) {
    const { runbook: told, matrix, problems, backups } = await doctor(options(file, lost), Date.now(), signal)
    expect(backups).toBeNull()
    expect(problems.map(({ about }) => about)).toContain('backups')
    const steps = JSON.stringify(told?.steps)
    expect(steps).not.toMatch(/no (complete )?backup/)
    expect(steps).toContain(`restore ${lost} latest`)
    if (lost !== 'redis') expect(steps).toContain('this is no folder')
    expect(JSON.stringify(matrix)).not.toMatch(/no (complete )?backup/)
    expect(matrix.find((row) => row.lost === lost)?.commands.join()).toContain(`restore ${lost} latest`)
  }
  const outcome = await doctor(options(file), Date.now(), signal)
  await writeMetrics(join(root, 'metrics'), outcome, Date.now())
  expect(readFileSync(join(root, 'metrics'), 'utf8')).toContain('obleth_ledger_success 0\n')
})

it('names the place that holds no backup, since another one may', async () => {
  for (const lost of ['postgres', 'clickhouse'] as const) {
    const { runbook: told, matrix } = await doctor(options(join(root, 'empty'), lost), Date.now(), signal)
    const steps = JSON.stringify(told?.steps)
    expect(steps).toContain(`no complete backup in ${join(root, 'empty')}`)
    expect(steps).not.toContain(`restore ${lost}`)
    expect(matrix.find((row) => row.lost === lost)?.recoverable).toContain('there is no backup')
  }
})

it('leaves room for the key that the newest backup needs, where none is named', () => {
  const newest = (encryption: Encryption): NewestBackup => ({ id: 'id', startedMs: 0, bytes: 1, encryption })
  const deployment: Deployment = {
    options: options('backups'),
    sources: [],
    stores: [],
    newest: new Map<Lost, NewestBackup>([
      ['postgres', newest('age')],
      ['redis', newest('gpg')],
      ['clickhouse', newest('none')],
    ]),
    backupsUnread: null,
    archive: null,
    window: null,
    wal: null,
    nowMs: 0,
  }
  const age = "--age-identity '<file with the age identity>'"
  const gpg = "--gpg-passphrase-file '<file with the passphrase>'"
  const restores = (of: Deployment) =>
    LOST.map((lost) => runbook(lost, of).find(({ command }) => command?.includes(` restore ${lost} `))?.command)
  expect(restores(deployment)).toEqual([
    `obleth-ledger restore redis latest --into '<data dir of Redis>' --backups backups ${gpg}`,
    `obleth-ledger restore postgres latest --backups backups ${age}`,
    expect.not.stringMatching(/identity|passphrase/),
  ])
  expect(runbook('postgres', deployment).map(({ command }) => command)).toContain(
    `obleth-ledger backups verify id --backups backups ${age}`,
  )
  expect(failureMatrix(deployment)[1].commands).toEqual([
    `obleth-ledger restore postgres latest --backups backups ${age}`,
  ])
  const keys = { ageRecipients: undefined, ageIdentity: 'my.key', gpgPassphraseFile: undefined }
  expect(restores({ ...deployment, options: { ...deployment.options, keys } })[1]).toBe(
    'obleth-ledger restore postgres latest --backups backups --age-identity my.key',
  )
})
