import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { isProcessAlive } from '../../../src/domain/process-alive.js'
import { BackupServer } from '../server/backup-server.js'
import type { ReplayHow, ServerRan } from '../server/server-dir.js'
import { PASSWORD, USER } from '../server/targets.js'
import { RestStandIn } from './rest.js'

/** How the stand-in is driven. */
export type Driving = 'command line' | 'REST API'

/** What nobody may ever see. */
const SECRETS = { api: 'api-password-7f3a', s3: 's3-secret-91c2' } as const

/** A ClickHouse server with clickhouse-backup beside it, which has a remote storage, and a place for our backups. */
export class ToolScene {
  private constructor(
    readonly server: BackupServer,
    readonly rest: RestStandIn,
    private readonly dir: string,
    private readonly bin: string,
  ) {}

  static async start(): Promise<ToolScene> {
    const server = await BackupServer.start()
    // Below the folder that the engine may write to.
    const dir = join(server.path('folder'), 'clickhouse-backup')
    const bin = join(server.backups, '..', 'bin')
    mkdirSync(bin, { recursive: true })
    symlinkSync(fileURLToPath(new URL('./command.js', import.meta.url)), join(bin, 'clickhouse-backup'))
    const clickhouse = { url: server.dir.server.url, user: USER, password: PASSWORD }
    const rest = new RestStandIn({ dir, clickhouse, remote: true, user: 'api', password: SECRETS.api })
    await rest.start()
    return new ToolScene(server, rest, dir, bin)
  }

  async remove(): Promise<void> {
    await this.rest.stop()
    await this.server.remove()
  }

  async empty(): Promise<void> {
    await this.rest.restart()
    this.rest.requests.length = this.rest.wrong.length = this.rest.busy = 0
    this.rest.before = () => false
    await this.server.empty()
    mkdirSync(this.dir, { recursive: true })
  }

  /** Lets steps of the stand-in fail; see stand-in.js. */
  fail(faults: Record<string, string>): void {
    writeFileSync(join(this.dir, 'faults.json'), JSON.stringify(faults))
  }

  /** What clickhouse-backup has there, whole or not. */
  kept(where: 'local' | 'remote'): string[] {
    return existsSync(join(this.dir, where)) ? readdirSync(join(this.dir, where)).sort() : []
  }

  forget(where: 'local' | 'remote'): void {
    rmSync(join(this.dir, where), { recursive: true, force: true })
  }

  /** Resolves when no command of the stand-in is at work, those of a killed one too. */
  async quiet(): Promise<void> {
    const busy = () =>
      readdirSync(this.dir)
        .filter((name) => name.endsWith('.pid'))
        .some((name) => isProcessAlive(Number(readFileSync(join(this.dir, name), 'utf8'))))
    for (let round = 0; busy() || this.rest.underWay; round++) {
      if (round === 6000) throw new Error('the stand-in does not come to its end')
      await sleep(5)
    }
  }

  askedSoFar(driving: Driving): number {
    return this.all(driving).length
  }

  /** Resolves when it has been asked so often. */
  async asked(driving: Driving, times: number): Promise<void> {
    for (let round = 0; this.all(driving).length < times; round++) {
      if (round === 12_000) throw new Error(`was never asked ${times} times`)
      await sleep(5)
    }
  }

  private all(driving: Driving): readonly unknown[] {
    return driving === 'REST API' ? this.rest.requests : this.noted('calls.jsonl')
  }

  /** Every call of the command line, its words joined by spaces; every request by POST. */
  calls(driving: Driving): string[] {
    if (driving === 'REST API') return this.rest.requests.filter((request) => request.startsWith('POST'))
    return this.noted('calls.jsonl').map((words) => words.join(' '))
  }

  /** Expects that the stand-in was asked for nothing that clickhouse-backup would take otherwise, and never for a secret. */
  expectDocumented(): void {
    expect([...this.rest.wrong, ...this.noted('wrong.jsonl')]).toEqual([])
    const asked = JSON.stringify([this.rest.requests, this.noted('calls.jsonl')])
    for (const secret of [PASSWORD, ...Object.values(SECRETS)]) expect(asked).not.toContain(secret)
  }

  backup(driving: Driving, args: readonly string[] = [], how: ReplayHow = {}): Promise<ServerRan> {
    return this.run(driving, ['backup', 'clickhouse', '--tool', 'clickhouse-backup', ...args], how)
  }

  restore(driving: Driving, args: readonly string[] = [], how: ReplayHow = {}): Promise<ServerRan> {
    return this.run(driving, ['restore', 'clickhouse', '--yes', ...args], how)
  }

  async run(driving: Driving, args: readonly string[], how: ReplayHow = {}): Promise<ServerRan> {
    const env = driving === 'REST API' ? this.restEnv() : this.commandEnv()
    const [listing, pruning] = ['list', 'prune'].map((word) => args[0] === 'backups' && args[1] === word)
    const api = driving === 'REST API' && !listing ? ['--clickhouse-backup-url', this.rest.url] : []
    const ran = await this.server.run([...args, '--backups', this.server.backups, ...api], {
      ...how,
      target: !listing && !pruning,
      env: { ...env, ...how.env },
    })
    for (const secret of [PASSWORD, ...Object.values(SECRETS)]) expect(ran.output).not.toContain(secret)
    return ran
  }

  private restEnv(): Record<string, string> {
    return {
      OBLETH_LEDGER_CLICKHOUSE_BACKUP_USER: 'api',
      OBLETH_LEDGER_CLICKHOUSE_BACKUP_PASSWORD: SECRETS.api,
    }
  }

  private commandEnv(): Record<string, string> {
    return {
      PATH: `${this.bin}:${process.env.PATH}`,
      STAND_IN_DIR: this.dir,
      CLICKHOUSE_URL: this.server.dir.server.url,
      CLICKHOUSE_USERNAME: USER,
      CLICKHOUSE_PASSWORD: PASSWORD,
      REMOTE_STORAGE: 's3',
      S3_SECRET_KEY: SECRETS.s3,
    }
  }

  private noted(file: string): string[][] {
    const path = join(this.dir, file)
    if (!existsSync(path)) return []
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as string[])
  }
}
