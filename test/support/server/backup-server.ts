import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { BackupManifest } from '../../../src/domain/backup.js'
import type { ClickhouseRestoreOutcome } from '../../../src/domain/clickhouse-restore.js'
import { cleanEnv } from '../ledger-dir.js'
import { type ReplayHow, ServerDir, type ServerRan } from './server-dir.js'

const CLI = fileURLToPath(new URL('../../../bin/obleth-ledger.js', import.meta.url))

/** Where a server is told to put its backup: a disk of its own, or a folder that the command sees, too. */
export type Way = 'disk' | 'folder'

/** A server that may make native backups, and a place for ours. */
export class BackupServer {
  private constructor(
    readonly dir: ServerDir,
    private readonly root: string,
  ) {}

  static async start(tz = 'UTC'): Promise<BackupServer> {
    const root = mkdtempSync(join(tmpdir(), 'backups-'))
    for (const name of ['disk', 'folder']) mkdirSync(join(root, name))
    const config = `<clickhouse>
      <storage_configuration><disks><kept><type>local</type><path>${root}/disk/</path></kept></disks></storage_configuration>
      <backups><allowed_path>${root}/folder/</allowed_path><allowed_disk>kept</allowed_disk></backups></clickhouse>`
    return new BackupServer(await ServerDir.start(tz, config), root)
  }

  /** Folder of our backups. */
  get backups(): string {
    return join(this.root, 'ours')
  }

  /** What lies on the server's disk, or in the folder. */
  path(way: Way): string {
    return join(this.root, way)
  }

  args(way: Way): string[] {
    const where = way === 'disk' ? ['--clickhouse-backup-disk', 'kept'] : ['--clickhouse-backup-folder', this.path(way)]
    return ['--backups', this.backups, ...where]
  }

  backup(way: Way, how: ReplayHow = {}, ...args: string[]): Promise<ServerRan> {
    return this.run(['backup', 'clickhouse', ...this.args(way), ...args], how)
  }

  restore(way: Way, args: readonly string[] = [], how: ReplayHow = {}): Promise<ServerRan> {
    return this.run(['restore', 'clickhouse', ...this.args(way), '--yes', ...args], how)
  }

  /** Backups take no state directory. */
  run(args: readonly string[], how: ReplayHow = {}): Promise<ServerRan> {
    return this.dir.command(args, { ...how, state: false })
  }

  /** Runs `backups …`, which needs no server. */
  backupsCommand(...args: string[]): { code: number | null; document: Record<string, unknown>; stderr: string } {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [CLI, 'backups', ...args, '--backups', this.backups, '--json'],
      { cwd: this.root, env: cleanEnv(), encoding: 'utf8' },
    )
    return { code: status, document: JSON.parse(stdout) as Record<string, unknown>, stderr }
  }

  /** Databases of the server beside its own. */
  async databases(): Promise<string[]> {
    const [rows] = await this.dir.sql(
      "SELECT name FROM system.databases WHERE engine = 'Atomic' AND name NOT IN ('default') ORDER BY name",
    )
    return rows.map(({ name }) => name)
  }

  async remove(): Promise<void> {
    await this.dir.remove()
    rmSync(this.root, { recursive: true, force: true })
  }

  /** Takes away everything: ledger, backups, and what lies on the server. */
  async empty(): Promise<void> {
    for (const name of await this.databases()) await this.dir.sql(`DROP DATABASE ${name} SYNC`)
    this.dir.clear()
    rmSync(this.backups, { recursive: true, force: true })
    for (const way of ['disk', 'folder'] as const)
      for (const name of readdirSync(this.path(way))) rmSync(join(this.path(way), name), { recursive: true })
  }
}

export const manifestOf = ({ document, output, code }: ServerRan): BackupManifest => {
  expect(code, output).toBe(0)
  return document as unknown as BackupManifest
}

export const restoreOf = ({ document, output }: ServerRan): ClickhouseRestoreOutcome & { status: string } => {
  expect(document, output).toHaveProperty('plan')
  return document as unknown as ClickhouseRestoreOutcome & { status: string }
}
