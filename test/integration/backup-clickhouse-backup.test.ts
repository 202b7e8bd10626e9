import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
// @ts-expect-error a plain script, without types
import { oblethSchema } from '../../samples/obleth-schema.js'
import { type Driving, ToolScene } from '../support/clickhouse-backup/scene.js'
import { canEncrypt, makeKey } from '../support/keys.js'
import { insertOf, record } from '../support/records.js'
import { manifestOf, restoreOf } from '../support/server/backup-server.js'
import { expectLedger } from '../support/server/expect-ledger.js'

vi.setConfig({ testTimeout: 300_000 })

const OURS = Array.from({ length: 300 }, (_, n) => record(n))
let used = OURS.length
const another = (count: number) => Array.from({ length: count }, () => record(used++))

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
const lose = () => sql('DROP DATABASE obleth SYNC')

describe.each<Driving>(['command line', 'REST API'])('clickhouse-backup by its %s', (driving) => {
  it('keeps a backup on the host of the server, which is restored with rollup, view and marker', async () => {
    const manifest = manifestOf(await scene.backup(driving))
    const name = `obleth-ledger-${manifest.id}`
    expect(manifest.programs).toEqual({ 'clickhouse-backup': '2.8.1' })
    expect(manifest.contents.tables).toContainEqual({ table: 'obleth.usage', rows: OURS.length })
    expect(manifest.contents.facts).toMatchObject({
      tool: 'clickhouse-backup',
      backup: name,
      kept: 'local',
      required: null,
      rollup: 'consistent',
    })
    expect(manifest.notes.join()).toMatch(`kept by clickhouse-backup`)
    expect([scene.kept('local'), scene.kept('remote')]).toEqual([[name], []])
    expect(await scene.server.databases()).toEqual(['obleth'])
    await lose()
    expect(restoreOf(await scene.restore(driving))).toMatchObject({
      status: 'ok',
      restored: true,
      rollup: 'consistent',
    })
    await expectLedger(scene.server.dir, OURS)
    expect(await scene.server.databases()).toEqual(['obleth'])
    const [[marker]] = await sql('SELECT key, value FROM obleth.usage_meta FINAL')
    expect(marker).toEqual({ key: 'backfilled_v1', value: '1' })
    const more = another(20)
    await sql(insertOf(more))
    await expectLedger(scene.server.dir, [...OURS, ...more])
  })

  it.skipIf(!canEncrypt('age'))('is restored with the right key alone, and pruned without', async () => {
    const place = mkdtempSync(join(tmpdir(), 'keys-'))
    onTestFinished(() => rmSync(place, { recursive: true }))
    const { take, open } = makeKey('age', place)
    const { files } = manifestOf(await scene.backup(driving, take))
    expect(files.map(({ path }) => path).sort()).toEqual([
      'clickhouse-backup.json.age',
      'counts.json.age',
      'view.sql.age',
    ])
    await lose()
    expect((await scene.restore(driving)).code).toBe(2)
    expect(restoreOf(await scene.restore(driving, open))).toMatchObject({ status: 'ok', restored: true })
    await expectLedger(scene.server.dir, OURS)
    const later = manifestOf(await scene.backup(driving, take))
    const policy = '--keep-last 1 --keep-daily 0 --keep-weekly 0 --keep-monthly 0'.split(' ')
    expect((await scene.run(driving, ['backups', 'prune', '--confirm', ...policy])).code).toBe(0)
    expect(scene.kept('local')).toEqual([`obleth-ledger-${later.id}`])
  })

  it('keeps it in the remote storage alone, from where it is verified, drilled and restored', async () => {
    const { id } = manifestOf(await scene.backup(driving, ['--clickhouse-backup-remote']))
    const name = `obleth-ledger-${id}`
    expect([scene.kept('local'), scene.kept('remote')]).toEqual([[], [name]])
    for (const check of ['verify', 'drill']) {
      const ran = await scene.run(driving, ['backups', check, id])
      expect(ran.code, ran.output).toBe(0)
      expect([scene.kept('local'), scene.kept('remote')]).toEqual([[], [name]])
    }
    const since = another(30)
    await lose()
    await sql(...oblethSchema(), insertOf(since))
    expect((await scene.restore(driving)).code).toBe(5)
    await expectLedger(scene.server.dir, since)
    const outcome = restoreOf(await scene.restore(driving, ['--replace', '--clickhouse-db', 'obleth']))
    expect(outcome).toMatchObject({ status: 'ok', restored: true, rollup: 'consistent' })
    await expectLedger(scene.server.dir, OURS)
    expect([scene.kept('local'), scene.kept('remote')]).toEqual([[], [name]])
  })
})
