import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'

const folder = mkdtempSync(join(tmpdir(), 'render-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function render(...args: string[]) {
  const words = ['bin/obleth-ledger.js', 'backup', 'render', ...args]
  return spawnSync(process.execPath, words, { encoding: 'utf8', env: { PATH: process.env.PATH } })
}

const filesOf = (...args: string[]): Record<string, string> => JSON.parse(render('--json', ...args).stdout).files

const ODD = '/var/my back%ups "of" $HOME\\'

/** What systemd makes of a word of a command line, by systemd.service(5). */
const spelled = (word: string) =>
  word
    .replaceAll('%%', '%')
    .replaceAll('$$', '$')
    .replace(/\\(["\\])/g, '$1')

describe('a systemd timer', () => {
  it('runs one backup a store, and prunes behind it', () => {
    const files = filesOf('--at', '23:05', '--backups', ODD, '--stores', 'redis', '--stores', 'postgres')
    const service = files['obleth-ledger-backup@.service']
    const [, start, place] = /^ExecStart=(.*) --backups "(.*)"$/m.exec(service) ?? []
    expect([start, spelled(place)]).toEqual(['obleth-ledger backup %i', ODD])
    expect(service).toContain('ExecStartPost=obleth-ledger backups prune --confirm --backups ')
    // Without one of these the backup of a ClickHouse server is refused each night.
    expect(service).toContain('OBLETH_LEDGER_CLICKHOUSE_BACKUP_DISK, OBLETH_LEDGER_CLICKHOUSE_BACKUP_FOLDER')
    const timer = files['obleth-ledger-backup@.timer']
    expect(timer).toContain('OnCalendar=*-*-* 23:05:00 UTC\n')
    expect(timer).toContain('enable --now obleth-ledger-backup@redis.timer obleth-ledger-backup@postgres.timer\n')
  })

  const missing = existsSync('/usr/bin/systemd-analyze') ? null : 'systemd-analyze is missing'
  if (missing !== null && process.env.CI === 'true') throw new Error(missing)
  it.skipIf(missing !== null)('is one that systemd takes', () => {
    for (const [name, text] of Object.entries(filesOf('--backups', ODD))) {
      const instance = join(folder, name.replace('@.', '@postgres.'))
      // The command has to exist there.
      writeFileSync(instance, text.replaceAll('=obleth-ledger ', '=/bin/true '))
    }
    const units = ['service', 'timer'].map((kind) => join(folder, `obleth-ledger-backup@postgres.${kind}`))
    const said = spawnSync('systemd-analyze', ['verify', ...units], { encoding: 'utf8' })
    expect(`${said.stdout}${said.stderr}`.split('\n').filter((line) => line.includes('obleth-ledger-backup'))).toEqual(
      [],
    )
    expect(execFileSync('systemd-analyze', ['calendar', '*-*-* 02:15:00 UTC'], { encoding: 'utf8' })).toContain('02:15')
  })
})

describe('a CronJob', () => {
  it('for each store makes the backup before it prunes, with secrets by reference', () => {
    const { 'obleth-ledger-backup.yaml': text } = filesOf('--kind', 'kubernetes', '--image', 'x/y:1', '--at', '00:05')
    const jobs = parseAllDocuments(text).map((document) => document.toJS())
    expect(jobs.map(({ metadata }) => metadata.name)).toEqual(
      ['postgres', 'redis', 'clickhouse'].map((store) => `obleth-ledger-backup-${store}`),
    )
    for (const { spec } of jobs) {
      expect(spec).toMatchObject({ schedule: '5 0 * * *', timeZone: 'Etc/UTC', concurrencyPolicy: 'Forbid' })
      const pod = spec.jobTemplate.spec.template.spec
      expect(pod.initContainers[0].command.slice(0, 2)).toEqual(['obleth-ledger', 'backup'])
      expect(pod.containers[0].command).toEqual([
        'obleth-ledger',
        'backups',
        'prune',
        '--confirm',
        '--backups',
        '/backups',
      ])
      expect(pod.volumes[0].persistentVolumeClaim).toBeDefined()
      for (const container of [...pod.initContainers, ...pod.containers]) {
        expect(container.env).toBeUndefined()
        expect(container.envFrom[0].secretRef.name).toBe('obleth-ledger-backup')
      }
    }
  })

  it('into a bucket needs no volume', () => {
    const args = ['--kind', 'kubernetes', '--image', 'x', '--backups', 's3://b/p', '--stores', 'redis']
    const [job] = parseAllDocuments(filesOf(...args)['obleth-ledger-backup.yaml']).map((document) => document.toJS())
    const pod = job.spec.jobTemplate.spec.template.spec
    expect(pod.volumes).toBeUndefined()
    expect(pod.initContainers[0].command).toEqual(['obleth-ledger', 'backup', 'redis', '--backups', 's3://b/p'])
  })

  it.each([
    [['--kind', 'kubernetes'], /--image/],
    [['--at', '24:00'], /02:15/],
    [['--namespace', 'Not One'], /lower-case/],
    [['--stores', 'mysql'], /postgres, redis, clickhouse/],
  ])('is refused with %j', (args, message) => {
    const { status, stderr } = render(...args)
    expect(status).toBe(2)
    expect(stderr).toMatch(message)
  })
})
