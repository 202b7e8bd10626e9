import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PitrCheck, RenderedFile } from '../../src/domain/pitr.js'
import { ArchivedCluster, hasProgram } from '../support/archived-cluster.js'
import { cleanEnv } from '../support/ledger-dir.js'
import { postgresPrograms } from '../support/postgres.js'

const CLI = fileURLToPath(new URL('../../bin/obleth-ledger.js', import.meta.url))
const programs = postgresPrograms()
// Barman becomes its own user, which only root can do.
const usable = programs !== null && hasProgram('barman', 'barman') && process.getuid?.() === 0
const SERVER = `obleth-${process.pid}`

let cluster: ArchivedCluster
let home: string
let config: string

function command(...args: string[]) {
  const named = ['--tool', 'barman', '--cluster', SERVER, '--tool-config', config, '--pg-data', cluster.data]
  const reached = ['--pg-host', cluster.socket, '--pg-port', String(cluster.port), '--pg-bin', cluster.programs]
  const ran = spawnSync(process.execPath, [CLI, ...args, ...named, ...reached, '--json'], {
    env: cleanEnv(),
    encoding: 'utf8',
  })
  return { code: ran.status, ...(JSON.parse(ran.stdout) as PitrCheck & { status: string; files: RenderedFile[] }) }
}

const asBarman = (script: string) =>
  execFileSync('setpriv', ['--reuid', 'barman', '--regid', 'barman', '--clear-groups', 'sh', '-c', script], {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home, LC_ALL: 'C' },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })

beforeAll(async () => {
  if (!usable) return
  cluster = await ArchivedCluster.create(programs)
  home = join(cluster.root, 'barman')
  config = join(cluster.root, 'barman.conf')
  mkdirSync(home)
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'barman'], { encoding: 'utf8' })))
  chownSync(home, uid, gid)
  const rendered = join(cluster.root, 'rendered')
  expect(command('pitr', 'render', '--repository', home, '--into', rendered).code).toBe(0)
  // As rendered, in its places.
  cluster.configure(readFileSync(join(rendered, 'postgresql-archiving.conf'), 'utf8'))
  copyFileSync(join(rendered, 'barman.conf'), config)
  chmodSync(config, 0o644)
  await cluster.start()
  await cluster.query('CREATE ROLE barman SUPERUSER REPLICATION LOGIN')
  await cluster.query('CREATE TABLE notes (text text)')
  await cluster.insert('before')
  asBarman(readFileSync(join(rendered, 'first-commands.sh'), 'utf8'))
})
afterAll(async () => {
  if (!usable) return
  // Its receiver ends with the server.
  await cluster.remove()
})

describe.skipIf(!usable)('a cluster archived by Barman as rendered', () => {
  it('is sound, its window ends with the last commit, and the rendered recovery brings back the first of two changes', async () => {
    const empty = command('pitr', 'check')
    expect([empty.code, empty.window, empty.findings.map((finding) => finding.class)]).toEqual([4, null, ['no_window']])
    const [backup] = empty.backups
    await cluster.clockPast(new Date(Date.parse(backup.stoppedAt) + 1000).toISOString())
    const one = await cluster.insert('one')
    const two = await cluster.insert('two')
    asBarman(`barman -c ${config} switch-wal --force --archive --archive-timeout 60 ${SERVER}`)
    const found = command('pitr', 'check')
    expect(found).toMatchObject({ code: 0, status: 'ok', findings: [], window: { before: two } })
    expect(found.server).toMatchObject({ archiveMode: 'off' })

    const { files } = command('pitr', 'render', '--repository', home, '--to', one)
    const line = files.flatMap(({ text }) => text.split('\n')).find((text) => text.includes(' recover '))
    expect(line).toContain('+00')
    const folder = join(home, 'recovered')
    asBarman(line?.replace('# ', '').replace('BACKUP', backup.label).replace('NEW-DIRECTORY', folder) ?? 'false')
    execFileSync('chown', ['-R', 'postgres:', folder])
    chmodSync(home, 0o755)
    await cluster.stop()
    await cluster.start(folder)
    expect(await cluster.notes()).toEqual(['before', 'one'])
    await cluster.stop()
    await cluster.start()
  })

  it('a receiver that is gone is found', async () => {
    await cluster.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'walsender'")
    const stopped = `barman -c ${config} receive-wal --stop ${SERVER}`
    spawnSync('setpriv', ['--reuid', 'barman', '--regid', 'barman', '--clear-groups', 'sh', '-c', stopped])
    const found = command('pitr', 'check')
    expect([found.code, found.status]).toEqual([4, 'mismatch'])
    expect(found.findings[0]).toMatchObject({ class: 'tool_check_failed', message: expect.stringContaining('receive') })
  })

  it('a server that Barman does not know: not found', () => {
    const args = ['pitr', 'check', '--tool', 'barman', '--cluster', 'other', '--tool-config', config]
    const ran = spawnSync(process.execPath, [CLI, ...args, '--pg-data', cluster.data, '--json'], {
      env: cleanEnv(),
      encoding: 'utf8',
    })
    expect(ran.status).toBe(10)
    expect(JSON.parse(ran.stdout).error.code).toBe('source_not_found')
  })
})
