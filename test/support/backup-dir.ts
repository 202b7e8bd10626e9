import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { directoryStorage } from '../../src/backup/storage/directory.js'
import type { Store } from '../../src/backup/store.js'
import { takeBackup } from '../../src/backup/take.js'
import type { BackupContents, BackupEntry, BackupManifest, StoreName } from '../../src/domain/backup.js'
import { cleanEnv } from './ledger-dir.js'

const CLI = fileURLToPath(new URL('../../bin/obleth-ledger.js', import.meta.url))

export interface BackupRan {
  readonly code: number | null
  readonly stderr: string
  /** All that it printed, on both channels. */
  readonly output: string
  // biome-ignore lint/suspicious/noExplicitAny: what it holds is what the tests look at
  readonly document: any
}

/** A scratch folder with backups in it, and the built command. */
export class BackupDir {
  readonly root = mkdtempSync(join(tmpdir(), 'backups-'))

  /** Where the backups are kept, as a user names it. `env`: what reaches that place. */
  constructor(
    private readonly env: Record<string, string> = {},
    readonly backups = '',
  ) {
    if (backups === '') this.backups = join(this.root, 'backups')
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }

  /** A folder of its own, with everything above it. */
  folder(name: string, mode = 0o755): string {
    const folder = join(this.root, name)
    mkdirSync(folder, { recursive: true, mode })
    return folder
  }

  /** `wrapper`: a command that runs the command. */
  run(args: readonly string[], env: Record<string, string> = {}, wrapper: readonly string[] = []): BackupRan {
    const [program, ...rest] = [...wrapper, process.execPath, CLI, ...args, '--backups', this.backups, '--json']
    const { status, stdout, stderr } = spawnSync(program, rest, {
      cwd: this.root,
      env: cleanEnv({ ...this.env, ...env }),
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    })
    const document = stdout === '' ? null : JSON.parse(stdout)
    return { code: status, stderr, output: `${stdout}${stderr}`, document }
  }

  /** Starts the command, for whoever kills it. */
  start(args: readonly string[], env: Record<string, string> = {}): ChildProcess {
    const all = [CLI, ...args, '--backups', this.backups, '--json']
    return spawn(process.execPath, all, { cwd: this.root, env: cleanEnv({ ...this.env, ...env }), stdio: 'ignore' })
  }

  /** Makes a backup of files as they are, as no server would give them. */
  async store(
    name: StoreName,
    files: Readonly<Record<string, string>>,
    facts: BackupContents['facts'] = {},
  ): Promise<BackupManifest> {
    const store: Store = {
      name,
      backup: async (writer) => {
        for (const [path, file] of Object.entries(files)) await writer.addFile(path, file)
        const contents = { databases: [], tables: [], facts }
        return { programs: {}, serverVersion: '7.0.15', source: 'made by a test', contents, notes: [] }
      },
      check: async () => [],
      drill: async () => [],
    }
    const keys = { ageRecipients: undefined, ageIdentity: undefined, gpgPassphraseFile: undefined }
    return takeBackup(
      store,
      directoryStorage(this.backups),
      { keys, bytesPerSecond: undefined },
      new AbortController().signal,
    )
  }

  list(): readonly BackupEntry[] {
    return this.run(['backups', 'list']).document.backups
  }
}
