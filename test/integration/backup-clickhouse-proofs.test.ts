import { mkdtempSync, rmSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
// @ts-expect-error a plain script, without types
import { oblethSchema } from '../../samples/obleth-schema.js'
import { clickhouseStore } from '../../src/backup/clickhouse/store.js'
import { readManifest } from '../../src/backup/manifest.js'
import { withSpooled } from '../../src/backup/spool.js'
import { directoryStorage } from '../../src/backup/storage/directory.js'
import { Secret, type TargetOptions } from '../../src/domain/options.js'
import { insertOf, record } from '../support/records.js'
import { BackupServer, manifestOf } from '../support/server/backup-server.js'
import { hasDebianServer, startDebianServer } from '../support/server/debian-server.js'
import { expectLedger } from '../support/server/expect-ledger.js'
import { PASSWORD, USER } from '../support/server/targets.js'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

const OURS = Array.from({ length: 200 }, (_, n) => record(n))
const NO_KEYS = { ageRecipients: undefined, ageIdentity: undefined, gpgPassphraseFile: undefined }
const signal = new AbortController().signal

describe('a drill', () => {
  let server: BackupServer
  let store: ReturnType<typeof clickhouseStore>
  beforeAll(async () => {
    server = await BackupServer.start()
    await server.dir.sql(...oblethSchema(), insertOf(OURS))
    const clickhouse: TargetOptions = {
      url: server.dir.server.url,
      user: USER,
      password: new Secret(PASSWORD),
      caCertificates: undefined,
      database: 'obleth',
      embedded: join(server.backups, 'not-there'),
      timeoutMs: 30_000,
    }
    const program = {
      url: undefined,
      user: undefined,
      password: undefined,
      remote: false,
      stepMs: 60_000,
      answerMs: 30_000,
    }
    const places = { folder: server.path('folder'), disk: 'kept', collection: undefined, breakLock: false }
    store = clickhouseStore({ clickhouse, clickhouseBackups: { tool: 'native', ...places, program } })
  })
  afterAll(() => server.remove())

  const drill = async (id: string, change: (text: string) => string = (text) => text) => {
    const storage = directoryStorage(server.backups)
    const manifest = await readManifest(storage, 'clickhouse', id, signal)
    return withSpooled(storage, manifest, NO_KEYS, signal, async (spooled) => {
      const counts = change(await readFile(spooled.file('counts.json'), 'utf8'))
      await writeFile(spooled.file('counts.json'), counts)
      return store.drill(spooled, signal)
    })
  }

  it.each(['folder', 'disk'] as const)(
    'of a backup in a %s finds it right, and what differs where it does',
    async (way) => {
      const { id } = manifestOf(await server.backup(way))
      expect(await drill(id)).toEqual([])
      const rows = /"rows":(\d+),"hash":"(\d+)"/
      expect(await drill(id, (text) => text.replace(rows, '"rows":7,"hash":"$2"'))).toEqual([
        expect.stringMatching(/rows instead of 7$/),
      ])
      expect(await drill(id, (text) => text.replace(rows, '"rows":$1,"hash":"7"'))).toEqual([
        expect.stringMatching(/its rows have other values$/),
      ])
      expect(await drill(id, (text) => text.replace('"name":"usage"', '"name":"usages"'))).toContain(
        'table usages is missing',
      )
      expect(await server.databases()).toEqual(['obleth'])
      await expectLedger(server.dir, OURS)
    },
  )

  it('has its own embedded ledger where the files are here: the server may be gone', async () => {
    const { id } = manifestOf(await server.backup('folder'))
    await server.dir.sql('DROP DATABASE obleth SYNC')
    await server.dir.server.kill('SIGTERM')
    expect(await drill(id)).toEqual([])
  })
})

it('a server in another time zone takes no backup of this one', async () => {
  const [utc, berlin] = [await BackupServer.start(), await BackupServer.start('Europe/Berlin')]
  try {
    await utc.dir.sql(...oblethSchema(), insertOf(OURS))
    manifestOf(await utc.backup('folder'))
    const ran = await utc.run(
      ['restore', 'clickhouse', '--yes', '--backups', utc.backups, '--clickhouse-backup-folder', berlin.path('folder')],
      { url: berlin.dir.server.url },
    )
    expect([ran.code, ran.document.error?.message], ran.output).toEqual([
      5,
      expect.stringMatching('UTC.*Europe/Berlin'),
    ])
    expect(await berlin.databases()).toEqual([])
  } finally {
    await utc.remove()
    await berlin.remove()
  }
})

it.skipIf(!hasDebianServer && process.env.CI !== 'true')('a server without BACKUP is told so', async () => {
  const root = mkdtempSync(join(tmpdir(), 'obleth-ledger-debian-'))
  const old = await startDebianServer(root, USER, PASSWORD)
  const server = await BackupServer.start()
  try {
    const ran = await server.backup('disk', { url: old.url })
    expect([ran.code, ran.document.error?.message], ran.output).toEqual([
      5,
      expect.stringMatching('18.16.*has no BACKUP'),
    ])
  } finally {
    await server.remove()
    await old.stop()
    rmSync(root, { recursive: true, force: true })
  }
})
