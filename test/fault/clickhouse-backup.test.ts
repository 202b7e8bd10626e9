import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
// @ts-expect-error a plain script, without types
import { oblethSchema } from '../../samples/obleth-schema.js'
import { type Driving, ToolScene } from '../support/clickhouse-backup/scene.js'
import { seeded } from '../support/kill-run.js'
import { LedgerDir } from '../support/ledger-dir.js'
import { insertOf, record, SEGMENT, segment } from '../support/records.js'
import { manifestOf, restoreOf } from '../support/server/backup-server.js'
import { expectLedger } from '../support/server/expect-ledger.js'
import type { ServerRan } from '../support/server/server-dir.js'

vi.setConfig({ testTimeout: 300_000 })

const OURS = Array.from({ length: 40 }, (_, n) => record(n))
const SINCE = Array.from({ length: 7 }, (_, n) => record(n + OURS.length))

let scene: ToolScene
beforeAll(async () => {
  scene = await ToolScene.start()
})
afterAll(() => scene.remove())
beforeEach(async () => {
  await scene.empty()
  await sql(...oblethSchema(), insertOf(OURS))
})
afterEach(() => scene.expectDocumented())

const sql = (...statements: string[]) => scene.server.dir.sql(...statements)
const end = ({ code, document, output }: ServerRan) => {
  expect(document.error, output).toBeDefined()
  expect(document.error, output).toHaveProperty('hint', expect.stringMatching(/./))
  return [code, document.error?.code, document.error?.message]
}

interface Listed {
  readonly id: string
  readonly state: string
}
const list = async (driving: Driving) => {
  const { document } = await scene.run(driving, ['backups', 'list'])
  return (document as unknown as { backups: Listed[] }).backups.map(({ id, state }) => [id, state])
}

/** So many of the calls from the first to the last, always the same ones. */
function someOf(calls: number, seed: number): number[] {
  const random = seeded(seed)
  return Array.from({ length: 5 }, () => 1 + Math.floor(random() * calls))
}

const FAILURES: readonly [faults: Record<string, string>, code: number, error: string, message: string][] = [
  [{ create: 'some new trouble' }, 1, 'target_failed', 'create failed: .*some new trouble'],
  [{ create: 'code: 516, message: Authentication failed' }, 12, 'access_denied', 'create failed: .*516'],
  [{ create: 'write: no space left on device' }, 1, 'disk_full', 'create failed'],
  [{ create: 'broken' }, 1, 'verification_failed', 'local backup .* is broken: broken metadata'],
  [{ create: 'partial' }, 1, 'verification_failed', 'table usage_meta is missing'],
  [{ upload: 'StatusCode: 403, api error AccessDenied' }, 12, 'access_denied', 'upload failed'],
  [{ upload: 'cut' }, 13, 'target_unreachable', 'upload failed: .*connection reset'],
  [{ upload: 'broken' }, 1, 'verification_failed', 'remote backup .* is broken'],
  [{ download: 'cut' }, 13, 'target_unreachable', 'download failed'],
  [{ restore: 'cut' }, 13, 'target_unreachable', 'restore failed'],
]

describe.each<Driving>(['command line', 'REST API'])('by its %s, a backup', (driving) => {
  it('that fails leaves nothing behind', async () => {
    const earlier = manifestOf(await scene.backup(driving))
    for (const [faults, code, error, message] of FAILURES) {
      scene.fail(faults)
      const ran = await scene.backup(driving, ['--clickhouse-backup-remote'])
      expect(end(ran)).toEqual([code, error, expect.stringMatching(new RegExp(message, 's'))])
      expect(await list(driving)).toEqual([[earlier.id, 'complete']])
      expect([scene.kept('local'), scene.kept('remote')]).toEqual([[`obleth-ledger-${earlier.id}`], []])
      expect(await scene.server.databases()).toEqual(['obleth'])
    }
    await expectLedger(scene.server.dir, OURS)
  })

  it('of which something cannot be cleared away is incomplete, and prune clears it away', async () => {
    scene.fail({ upload: 'cut', delete: 'not now' })
    expect((await scene.backup(driving, ['--clickhouse-backup-remote'])).code).toBe(13)
    const [[id, state], ...others] = await list(driving)
    expect([state, others]).toEqual(['incomplete', []])
    const name = `obleth-ledger-${id}`
    expect([scene.kept('local'), scene.kept('remote')]).toEqual([[name], [name]])
    expect(end(await scene.run(driving, ['backups', 'prune', '--confirm']))).toEqual([
      1,
      'target_failed',
      expect.stringMatching('delete failed: .*not now'),
    ])
    expect(await list(driving)).toEqual([[id, 'incomplete']])
    scene.fail({})
    expect((await scene.run(driving, ['backups', 'prune', '--confirm'])).code).toBe(0)
    expect([await list(driving), scene.kept('local'), scene.kept('remote')]).toEqual([[], [], []])
  })

  it('that a policy does not keep goes from there, too', async () => {
    const ids: string[] = []
    for (const args of [[], ['--clickhouse-backup-remote'], []])
      ids.push(manifestOf(await scene.backup(driving, args)).id)
    const policy = '--keep-last 1 --keep-daily 0 --keep-weekly 0 --keep-monthly 0'.split(' ')
    const shown = await scene.run(driving, ['backups', 'prune', ...policy])
    expect(shown.code, shown.output).toBe(0)
    expect(await list(driving)).toHaveLength(3)
    const pruned = await scene.run(driving, ['backups', 'prune', '--confirm', ...policy])
    expect(pruned.code, pruned.output).toBe(0)
    expect(await list(driving)).toEqual([[ids[2], 'complete']])
    expect([scene.kept('local'), scene.kept('remote')]).toEqual([[`obleth-ledger-${ids[2]}`], []])
  })

  it('that never ends is ended, and the same command works once it can', async () => {
    scene.fail({ create: 'hang' })
    const ran = await scene.backup(driving, ['--clickhouse-backup-timeout', '1s'])
    expect(end(ran)).toEqual([13, 'target_unreachable', expect.stringMatching('not ended')])
    await scene.quiet()
    expect([await list(driving), scene.kept('local')]).toEqual([[], []])
    scene.fail({})
    manifestOf(await scene.backup(driving))
  })

  it('restores leave the target as it was where they fail, and go on', async () => {
    const { id } = manifestOf(await scene.backup(driving, ['--clickhouse-backup-remote']))
    await sql('DROP DATABASE obleth SYNC', ...oblethSchema(), insertOf(SINCE))
    for (const [faults, code] of [
      [{ download: 'cut' }, 13],
      [{ restore: 'code: 243, message: Not enough space' }, 1],
      [{ download: 'broken' }, 1],
    ] as const) {
      scene.fail(faults)
      const ran = await scene.restore(driving, ['--replace'])
      expect(ran.code, ran.output).toBe(code)
      await expectLedger(scene.server.dir, SINCE)
      expect(await scene.server.databases()).toEqual(['obleth'])
    }
    scene.fail({})
    expect(restoreOf(await scene.restore(driving, ['--replace']))).toMatchObject({ status: 'ok', restored: true })
    await expectLedger(scene.server.dir, OURS)

    scene.forget('remote')
    const planned = await scene.restore(driving, [id, '--clickhouse-db', 'copy', '--dry-run'])
    expect(end(planned)).toEqual([10, 'source_not_found', expect.any(String)])
    const gone = await scene.restore(driving, [id, '--clickhouse-db', 'copy'])
    expect(end(gone)).toEqual([10, 'source_not_found', expect.stringMatching(`no remote backup obleth-ledger-${id}`)])
    expect(await scene.server.databases()).not.toContain('copy')
    const verified = await scene.run(driving, ['backups', 'verify', id])
    expect(verified.code, verified.output).toBe(4)
    expect(verified.output).toMatch(`no remote backup obleth-ledger-${id}`)
  })

  it('goes into a database of another name, and its view feeds the rollup there', async () => {
    manifestOf(await scene.backup(driving))
    const outcome = restoreOf(await scene.restore(driving, ['--clickhouse-db', 'copy']))
    expect(outcome).toMatchObject({ status: 'ok', restored: true, rollup: 'consistent' })
    await sql(insertOf(SINCE).replace('obleth.usage', 'copy.usage'))
    const [[{ raw, rolled }]] = await sql(
      'SELECT (SELECT count() FROM copy.usage) AS raw, (SELECT sum(requests) FROM copy.usage_daily) AS rolled',
    )
    const both = String(OURS.length + SINCE.length)
    expect([raw, rolled]).toEqual([both, both])
    await expectLedger(scene.server.dir, OURS)
  })

  it('whose manifest names something else is refused', async () => {
    const { id } = manifestOf(await scene.backup(driving))
    const file = join(scene.server.backups, 'clickhouse', id, 'manifest.json')
    const manifest = readFileSync(file, 'utf8')
    for (const [from, to] of [
      [`"backup": "obleth-ledger-${id}"`, '"backup": "--rm"'],
      [/"database": "[^"]+"/, '"database": "obleth:x,default"'],
      ['"kept": "local"', '"kept": "../local"'],
    ] as const) {
      rmSync(file)
      writeFileSync(file, manifest.replace(from, to))
      expect(readFileSync(file, 'utf8')).not.toBe(manifest)
      const ran = await scene.restore(driving, ['--clickhouse-db', 'copy'])
      expect(end(ran)).toEqual([1, 'state_damaged', expect.stringMatching('does not tell where')])
    }
  })
})

/** Calls of an undisturbed backup are 13 by the command line, and some more by the API, which is asked how it goes. */
it.each<[Driving, number[]]>([
  ['command line', someOf(13, 6)],
  ['REST API', someOf(20, 9)],
])(
  'killed while its %s is asked, a backup is whole or incomplete, and prune clears it away',
  async (driving, moments) => {
    const remote = ['--clickhouse-backup-remote']
    for (const times of moments) {
      const asked = scene.askedSoFar(driving)
      const killed = await scene.backup(driving, remote, { killWhen: () => scene.asked(driving, asked + times) })
      await scene.quiet()
      const [[id, state], ...others] = await list(driving)
      expect([killed.signal === null ? 'complete' : 'incomplete', others]).toEqual([state, []])
      const pruned = await scene.run(driving, ['backups', 'prune', '--confirm'])
      expect(pruned.code, pruned.output).toBe(0)
      const left = killed.signal === null ? [`obleth-ledger-${id}`] : []
      expect([scene.kept('local'), scene.kept('remote')], `after call ${times}`).toEqual([[], left])
      for (const kept of left)
        rmSync(join(scene.server.backups, 'clickhouse', kept.slice('obleth-ledger-'.length)), { recursive: true })
      scene.forget('remote')
      await expectLedger(scene.server.dir, OURS)
    }
    manifestOf(await scene.backup(driving, remote))
    expect(await scene.server.databases()).toEqual(['obleth'])
  },
)

describe('by its REST API, a backup', () => {
  it('waits for its turn', async () => {
    scene.rest.busy = 3
    manifestOf(await scene.backup('REST API'))
    expect(scene.rest.requests.filter((request) => request.startsWith('POST create'))).toHaveLength(4)
    scene.rest.busy = Number.POSITIVE_INFINITY
    const ran = await scene.backup('REST API', ['--clickhouse-backup-timeout', '1s'])
    expect(end(ran)).toEqual([11, 'target_locked', expect.stringMatching('another operation')])
    expect(await list('REST API')).toHaveLength(1)
  })

  it('that somebody cancels fails', async () => {
    scene.fail({ create: 'cancel' })
    expect(end(await scene.backup('REST API'))).toEqual([
      1,
      'target_failed',
      expect.stringMatching('create failed: cancel: canceled from API'),
    ])
  })

  it.each(['create', 'upload', 'restore'])(
    'whose server is restarted during its %s fails, and leaves nothing',
    async (step) => {
      scene.fail({ [step]: 'hang' })
      let begun = false
      scene.rest.before = async (request) => {
        if (begun && request.startsWith('GET status')) {
          begun = false
          scene.fail({})
          setImmediate(() => void scene.rest.restart())
          return true
        }
        begun ||= request.startsWith(`POST ${step}`)
        return false
      }
      const ran = await scene.backup('REST API', ['--clickhouse-backup-remote'])
      expect(end(ran)).toEqual([
        1,
        'target_failed',
        expect.stringMatching(`no longer knows of its ${step}: it was restarted`),
      ])
      expect([await list('REST API'), scene.kept('local'), scene.kept('remote')]).toEqual([[], [], []])
      scene.rest.before = () => false
      manifestOf(await scene.backup('REST API', ['--clickhouse-backup-remote']))
    },
  )

  it('goes on where an answer about its state is lost', async () => {
    let lost = 0
    scene.rest.before = (request) => request.startsWith('GET status') && lost++ % 2 === 0
    manifestOf(await scene.backup('REST API'))
    expect(lost).toBeGreaterThan(2)
  })

  it('with a wrong password is denied, and without a server fails', async () => {
    const env = { OBLETH_LEDGER_CLICKHOUSE_BACKUP_PASSWORD: 'wrong' }
    expect(end(await scene.backup('REST API', [], { env }))).toEqual([12, 'access_denied', expect.any(String)])
    await scene.rest.stop()
    const ran = await scene.backup('REST API')
    await scene.rest.start()
    expect(end(ran)).toEqual([13, 'target_unreachable', expect.stringMatching('ECONNREFUSED')])
    expect(await list('REST API')).toEqual([])
    const argued = await scene.backup('REST API', ['--clickhouse-backup-password=secret'])
    expect(argued.code, argued.output).toBe(2)
  })
})

describe('by its command line, a backup', () => {
  it('with wrong credentials of its own is denied', async () => {
    const ran = await scene.backup('command line', [], { env: { CLICKHOUSE_PASSWORD: 'wrong' } })
    expect(end(ran)).toEqual([12, 'access_denied', expect.stringMatching('516')])
  })

  it('without remote storage cannot be uploaded', async () => {
    const ran = await scene.backup('command line', ['--clickhouse-backup-remote'], { env: { REMOTE_STORAGE: 'none' } })
    expect(end(ran)).toEqual([2, 'config', expect.stringMatching('upload failed')])
    expect([await list('command line'), scene.kept('local')]).toEqual([[], []])
  })

  it('needs the program on this machine', async () => {
    const ran = await scene.backup('command line', [], { env: { PATH: '/nowhere' } })
    expect(end(ran)).toEqual([2, 'config', expect.stringMatching('cannot be run on this machine')])
    expect(ran.output).toMatch('--clickhouse-backup-url')
    expect(await list('command line')).toEqual([])
  })

  it('of an embedded ledger is refused', async () => {
    const dir = new LedgerDir()
    onTestFinished(() => dir.remove())
    dir.write(SEGMENT, segment([OURS]))
    expect(dir.replay().code).toBe(0)
    const ran = dir.run(['backup', 'clickhouse', '--tool', 'clickhouse-backup', '--backups', join(dir.root, 'backups')])
    expect([ran.code, ran.document.error?.message]).toEqual([2, expect.stringMatching('servers alone')])
  })
})
