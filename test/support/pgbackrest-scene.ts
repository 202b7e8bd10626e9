import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { PitrCheck, PitrRestorePlan } from '../../src/domain/pitr.js'
import { ArchivedCluster, hasProgram } from './archived-cluster.js'
import { cleanEnv } from './ledger-dir.js'
import { postgresPrograms } from './postgres.js'

export const CLI = fileURLToPath(new URL('../../bin/obleth-ledger.js', import.meta.url))
const programs = postgresPrograms()
export const hasPgbackrest = programs !== null && hasProgram('pgbackrest', 'pgbackrest')

const SECOND_MS = 1000

/** What the commands print with `--json`; each has a part of it. */
export type Answer = PitrCheck & {
  readonly status: string
  readonly restored: boolean
  readonly plan: PitrRestorePlan
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string }
  readonly code: number | null
  readonly stderr: string
}

/** A moment so many microseconds later; RFC 3339 in UTC with six digits, before and after. */
export function shifted(moment: string, us: bigint): string {
  const [, seconds, fraction] = /^(.*)\.(\d{6})Z$/.exec(moment) ?? []
  const total = BigInt(Date.parse(`${seconds}Z`)) * 1000n + BigInt(fraction) + us
  const whole = new Date(Number(total / 1_000_000n) * SECOND_MS).toISOString().slice(0, 19)
  return `${whole}.${String(total % 1_000_000n).padStart(6, '0')}Z`
}

/**
 * A cluster that pgBackRest archives by the configuration and the first commands that `pitr render` wrote, all as they are.
 * It has a full backup, and after it the notes `one` and `two`.
 */
export class PgbackrestScene {
  readonly stanza = `obleth-${process.pid}`
  readonly config: string
  /** Unix ms of the second in which the first backup ended. */
  firstStop = 0
  /** Moments of the commits of two notes. */
  one = ''
  two = ''

  private constructor(readonly cluster: ArchivedCluster) {
    this.config = join(cluster.root, 'etc/pgbackrest.conf')
  }

  static async start(): Promise<PgbackrestScene> {
    const scene = new PgbackrestScene(await ArchivedCluster.create(programs ?? ''))
    await scene.#prepare()
    return scene
  }

  async #prepare(): Promise<void> {
    const { cluster, config } = this
    const rendered = this.at('rendered')
    const asked = [...this.reached(), '--repository', this.at('repository'), '--into', rendered]
    expect(await this.command(['pitr', 'render', ...asked])).toMatchObject({ code: 0, stderr: '' })
    cluster.configure(readFileSync(join(rendered, 'postgresql-archiving.conf'), 'utf8'))
    copyFileSync(join(rendered, 'pgbackrest.conf'), config)
    copyFileSync(join(rendered, 'first-commands.sh'), this.at('first-commands.sh'))
    for (const path of [config, this.at('first-commands.sh')]) cluster.own(path)
    await cluster.start()
    await cluster.query('CREATE TABLE notes (text text)')
    await cluster.insert('before')
    cluster.run('sh', [this.at('first-commands.sh')])
    const [{ backup }] = JSON.parse(this.pgbackrest('info', '--output=json'))
    this.firstStop = backup[0].timestamp.stop * SECOND_MS
    await cluster.clockPast(this.windowStart)
    this.one = await cluster.insert('one')
    this.two = await cluster.insert('two')
  }

  /** The second after the first backup. */
  get windowStart(): string {
    return new Date(this.firstStop + SECOND_MS).toISOString()
  }

  /** A path in the cluster's folder. */
  at = (name: string): string => join(this.cluster.root, name)

  pgbackrest(...args: string[]): string {
    return this.cluster.run('pgbackrest', [`--config=${this.config}`, `--stanza=${this.stanza}`, ...args])
  }

  named(config = this.config): string[] {
    return ['--cluster', this.stanza, '--tool-config', config, '--pg-data', this.cluster.data]
  }

  reached(config = this.config): string[] {
    return [...this.named(config), '--pg-host', this.cluster.socket, '--pg-port', String(this.cluster.port)]
  }

  get env(): NodeJS.ProcessEnv {
    return { ...cleanEnv(), ...this.cluster.env }
  }

  async command(args: readonly string[], env: Record<string, string> = {}): Promise<Answer> {
    const child = spawn(process.execPath, [CLI, ...args, '--json'], {
      cwd: this.cluster.root,
      env: { ...this.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (part) => {
      stdout += part
    })
    child.stderr.on('data', (part) => {
      stderr += part
    })
    const [code] = await once(child, 'close')
    return { ...JSON.parse(stdout), code, stderr }
  }

  check = (...args: string[]): Promise<Answer> => this.command(['pitr', 'check', ...this.reached(), ...args])

  restore = (...args: string[]): Promise<Answer> => this.command(['restore', 'postgres', ...this.named(), ...args])

  /** A restore that a signal ends once it has begun to write; resolves to its exit code and signal. */
  async restoreUntil(signal: NodeJS.Signals, ...args: string[]): Promise<unknown[]> {
    const words = [CLI, 'restore', 'postgres', ...this.named(), ...args]
    const child = spawn(process.execPath, words, { env: this.env, stdio: 'ignore' })
    const ended = once(child, 'exit')
    while (child.exitCode === null && this.leftovers().length === 0) await new Promise(setImmediate)
    child.kill(signal)
    return ended
  }

  /** Folders of restores that have not come to their end. */
  leftovers(): string[] {
    return readdirSync(this.cluster.root).filter((name) => name.includes('obleth-ledger'))
  }

  /** The notes in a restored directory, by a server that is started in it for the time being. */
  async notesIn(data: string): Promise<string[]> {
    const { cluster } = this
    await cluster.stop()
    await cluster.start(data)
    const notes = await cluster.notes()
    await cluster.stop()
    await cluster.start()
    return notes
  }
}
