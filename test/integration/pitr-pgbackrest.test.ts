import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CLI, hasPgbackrest, PgbackrestScene, shifted } from '../support/pgbackrest-scene.js'

const SECOND_MS = 1000

let scene: PgbackrestScene
beforeAll(async () => {
  if (hasPgbackrest) scene = await PgbackrestScene.start()
})
afterAll(() => scene?.cluster.remove())

describe.skipIf(!hasPgbackrest)('a cluster archived by pgBackRest as rendered', () => {
  it('is sound, and its window goes from the second after the backup to the last commit', async () => {
    const found = await scene.check()
    expect(found).toMatchObject({ code: 0, status: 'ok', findings: [], stderr: '' })
    expect(found.backups.map(({ stoppedAt, type }) => [stoppedAt, type])).toEqual([
      [new Date(scene.firstStop).toISOString(), 'full'],
    ])
    expect(found.window).toEqual({
      from: scene.windowStart.replace('.000Z', '.000000Z'),
      before: scene.two,
    })
    expect(found.server).toMatchObject({ failing: false, archiveMode: 'on', lastFailedWal: null })
  })

  it('is restored to the moment between two changes: only the first is there, the cluster as it was', async () => {
    const target = shifted(scene.two, -1n)
    const shown = await scene.restore('--to', target, '--into', scene.at('new'), '--dry-run')
    expect(shown).toMatchObject({
      code: 0,
      restored: false,
      plan: { target: { utc: target }, into: scene.at('new'), keptAs: null },
    })
    expect(existsSync(scene.at('new'))).toBe(false)
    expect(await scene.restore('--to', target, '--into', scene.at('new'), '--yes')).toMatchObject({
      code: 0,
      restored: true,
    })
    expect(statSync(scene.at('new')).mode & 0o777).toBe(0o700)
    expect(scene.leftovers()).toEqual([])
    expect(readFileSync(join(scene.at('new'), 'postgresql.auto.conf'), 'utf8')).toContain("archive_mode = 'off'")
    expect(await scene.notesIn(scene.at('new'))).toEqual(['before', 'one'])
    expect(await scene.cluster.notes()).toEqual(['before', 'one', 'two'])
  })

  it('a moment with another offset is the same moment, and is told in UTC and in local time', async () => {
    const [date, clock] = shifted(scene.one, 5_400_000_000n).slice(0, -1).split('T')
    const ran = await scene.command(
      [
        'restore',
        'postgres',
        ...scene.named(),
        '--to',
        `${date}T${clock}+01:30`,
        '--into',
        scene.at('zone'),
        '--dry-run',
      ],
      { TZ: 'Asia/Tokyo' },
    )
    const local = shifted(scene.one, 32_400_000_000n).replace('Z', '+09:00')
    expect(ran.plan.target).toEqual({ utc: scene.one, local, zone: 'Asia/Tokyo' })
  })

  it('the plan can be read: both times, window, backup, place', async () => {
    const args = ['restore', 'postgres', ...scene.named(), '--to', scene.one, '--into', scene.at('none'), '--dry-run']
    const env = { ...scene.env, TZ: 'Asia/Tokyo' }
    const shown = execFileSync(process.execPath, [CLI, ...args], { env, encoding: 'utf8' })
    const local = shifted(scene.one, 32_400_000_000n).replace('Z', '+09:00')
    for (const part of [scene.one, `${local} in Asia/Tokyo`, `before ${scene.two}`, '(full)', scene.at('none')])
      expect(shown).toContain(part)
    expect(existsSync(scene.at('none'))).toBe(false)
  })

  it.each([
    ['before the window', () => new Date(scene.firstStop + SECOND_MS - 1).toISOString()],
    ['the last commit itself', () => scene.two],
    ['in the future', () => '2099-01-01T00:00:00Z'],
  ])('%s: refused, the window is told, nothing is written', async (_, moment) => {
    const ran = await scene.restore('--to', moment(), '--into', scene.at('none'), '--yes')
    expect(ran).toMatchObject({ code: 5, error: { code: 'refused', message: expect.stringContaining(scene.two) } })
    expect(existsSync(scene.at('none'))).toBe(false)
  })

  it.each([
    ['the beginning of the window', () => scene.windowStart],
    ['a microsecond before its end', () => shifted(scene.two, -1n)],
  ])('%s: planned', async (_, moment) => {
    expect(await scene.restore('--to', moment(), '--into', scene.at('none'), '--dry-run')).toMatchObject({ code: 0 })
  })

  it.each([
    ['a time without offset', ['--to', '2026-03-01T12:00:00', '--into', '/x'], 2],
    ['finer than a microsecond', ['--to', '2026-03-01T12:00:00.0000001Z', '--into', '/x'], 2],
    ['no place', ['--to', '2026-03-01T12:00:00Z'], 2],
    ['two places', ['--to', '2026-03-01T12:00:00Z', '--into', '/x', '--in-place'], 2],
    ['a backup besides', ['latest', '--to', '2026-03-01T12:00:00Z', '--into', '/x'], 2],
    ['Barman', ['--to', '2026-03-01T12:00:00Z', '--into', '/x', '--tool', 'barman'], 2],
    ['a folder that is not there', ['--to', '2026-03-01T12:00:00Z', '--into', '/no/such/folder'], 10],
  ])('%s: exit code', async (_, args, code) => {
    expect((await scene.restore(...args)).code).toBe(code)
  })

  it('another stanza: not found', async () => {
    const args = ['--cluster', 'other', ...scene.named().slice(2), '--to', scene.one, '--into', scene.at('none')]
    const ran = await scene.command(['restore', 'postgres', ...args])
    expect(ran).toMatchObject({ code: 10, error: { code: 'source_not_found' } })
  })

  it('a directory that holds something, or that of the cluster, and no --yes: refused', async () => {
    const to = ['--to', scene.one]
    mkdirSync(scene.at('full'))
    writeFileSync(join(scene.at('full'), 'mine'), 'mine')
    for (const place of [
      scene.at('full'),
      join(scene.at('full'), 'mine'),
      scene.cluster.data,
      join(scene.cluster.data, 'inner'),
      scene.cluster.root,
    ])
      expect(await scene.restore(...to, '--into', place, '--yes')).toMatchObject({
        code: 5,
        error: { code: 'refused' },
      })
    expect(readdirSync(scene.at('full'))).toEqual(['mine'])
    const unasked = await scene.restore(...to, '--into', scene.at('none'))
    expect(unasked).toMatchObject({ code: 5, error: { hint: expect.stringContaining('--yes') } })
    expect(await scene.restore(...to, '--in-place', '--yes')).toMatchObject({
      code: 5,
      error: { message: /a server runs/ },
    })
    expect(existsSync(scene.at('none'))).toBe(false)
  })

  it.skipIf(process.getuid?.() !== 0)('a disk that is too small: refused before anything is written', async () => {
    const small = scene.cluster.folder('small')
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', small])
    try {
      const ran = await scene.restore('--to', scene.one, '--into', join(small, 'new'), '--yes')
      expect(ran).toMatchObject({ code: 5, error: { code: 'refused', message: expect.stringContaining('bytes') } })
      expect(readdirSync(small)).toEqual([])
    } finally {
      execFileSync('umount', [small])
    }
  })

  it('tablespaces: refused, since nobody knows their places', async () => {
    const spaces = scene.cluster.folder('spaces')
    await scene.cluster.query(`CREATE TABLESPACE elsewhere LOCATION '${spaces}'`)
    scene.pgbackrest('--type=incr', 'backup')
    const late = (await scene.check()).backups.at(-1)
    await scene.cluster.clockPast(new Date(Date.parse(late?.stoppedAt ?? '') + SECOND_MS).toISOString())
    const moment = await scene.cluster.insert('late')
    scene.two = await scene.cluster.insert('two')
    await scene.cluster.closeSegment()
    // The newest backup that ended before the moment is taken, not the first one.
    const ran = await scene.restore('--to', moment, '--into', scene.at('none'), '--yes')
    expect(ran).toMatchObject({ code: 5, error: { code: 'refused', hint: expect.stringContaining('tablespace') } })
    expect(await scene.restore('--to', scene.one, '--into', scene.at('none'), '--dry-run')).toMatchObject({ code: 0 })
  })

  it('a damaged backup: fails with its words, and leaves nothing', async () => {
    const label = (await scene.check()).backups[0].label
    const file = join(scene.cluster.root, 'repository/backup', scene.stanza, label, 'pg_data/global/pg_control.gz')
    const whole = readFileSync(file)
    writeFileSync(file, whole.subarray(0, whole.length - 40))
    const args = ['restore', 'postgres', ...scene.named(), '--to', scene.one, '--into', scene.at('none'), '--yes']
    const ran = await scene.command(args, { PGBACKREST_JOB_RETRY: '0' })
    writeFileSync(file, whole)
    expect(ran).toMatchObject({
      code: 1,
      error: { code: 'source_failed', message: expect.stringContaining('unexpected eof') },
    })
    expect([existsSync(scene.at('none')), scene.leftovers()]).toEqual([false, []])
  })

  it('stopped by SIGTERM: nothing is left', async () => {
    const args = ['--to', scene.one, '--into', scene.at('none'), '--yes']
    expect(await scene.restoreUntil('SIGTERM', ...args)).toEqual([143, null])
    expect([existsSync(scene.at('none')), scene.leftovers()]).toEqual([false, []])
  })

  it('killed in the middle: nothing is in the place, and the same command restores', async () => {
    const into = scene.at('killed-ü~1')
    const args = ['--to', scene.one, '--into', into, '--yes']
    expect(await scene.restoreUntil('SIGKILL', ...args)).toEqual([null, 'SIGKILL'])
    expect([existsSync(into), scene.leftovers().length]).toEqual([false, 1])
    expect(await scene.restore(...args)).toMatchObject({ code: 0, restored: true })
    expect(scene.leftovers()).toEqual([])
    expect(await scene.notesIn(into)).toEqual(['before', 'one'])
  })
})

describe.skipIf(!hasPgbackrest)('in place', () => {
  it('the old data is kept, and the cluster archives on a new timeline', async () => {
    await scene.cluster.stop()
    const { code, plan } = await scene.restore('--to', scene.one, '--in-place', '--yes')
    expect(code).toBe(0)
    expect(readdirSync(plan.keptAs ?? '')).toContain('PG_VERSION')
    await scene.cluster.start()
    expect(await scene.cluster.notes()).toEqual(['before', 'one'])
    const late = await scene.cluster.insert('four')
    // The new timeline has a commit of its own, and that is the end of the window.
    expect(await scene.check()).toMatchObject({ code: 0, window: { before: late } })
    await scene.cluster.insert('five')
    expect(await scene.check()).toMatchObject({ code: 0 })
    // A newer backup was taken of what is given up now: it leads nowhere.
    const forth = await scene.restore('--to', late, '--into', scene.at('forth'), '--yes')
    expect(forth).toMatchObject({
      code: 0,
      plan: { timeline: 2, branchedOff: { timeline: 1 }, backup: { type: 'full' } },
    })
    expect(await scene.notesIn(scene.at('forth'))).toEqual(['before', 'four', 'one'])
  })

  it('a cluster whose data is gone', async () => {
    await scene.cluster.stop()
    rmSync(scene.cluster.data, { recursive: true })
    const ran = await scene.restore('--to', scene.one, '--in-place', '--yes')
    expect(ran.error).toBeUndefined()
    expect(ran).toMatchObject({ code: 0, plan: { keptAs: null } })
    await scene.cluster.start()
    expect(await scene.cluster.notes()).toEqual(['before', 'one'])
  })
})
