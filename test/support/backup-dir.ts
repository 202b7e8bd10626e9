import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { directoryStorage } from '../../src/backup/storage/directory.js'
import type { Store } from '../../src/backup/store.js'
import { takeBackup } from '../../src/backup/take.js'
import type { BackupContents, BackupEntry, BackupManifest, StoreName } from '../../src/domain/backup.js'
import { CREDENTIALS, S3Server } from './s3/index.js'

const CLI = fileURLToPath(new URL('../../bin/obleth-ledger.js', import.meta.url))

export interface CommandEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** All that it printed, on both channels. */
  readonly output: string
  // biome-ignore lint/suspicious/noExplicitAny: what it holds is what the tests look at
  readonly document: any
}

export interface StartedCommand {
  readonly pid: number
  kill(signal: NodeJS.Signals): void
  readonly ended: Promise<CommandEnd>
}

/** Begins the keys of all backups in a bucket; nothing that is plain in a URL. */
const PREFIX = 'all backups+/'

/** Variables with which a command reaches a store. */
const reaching = (store: S3Server) => ({
  ...CREDENTIALS,
  OBLETH_LEDGER_S3_ENDPOINT: store.endpoint,
  OBLETH_LEDGER_S3_PATH_STYLE: 'true',
  OBLETH_LEDGER_S3_TIMEOUT: '5s',
})

/**
 * A scratch folder for backups and temporary files, in which the built command runs beside this process; nothing of the
 * environment names a server.
 */
export class BackupDir {
  readonly root = mkdtempSync(join(tmpdir(), 'backups-'))

  /** Where the backups are kept, as a user names it. */
  readonly backups: string
  /** What reaches that place. */
  private readonly env: Readonly<Record<string, string>>

  /** @param bucket keeps the backups; they are in a folder of this one where not given */
  constructor(private readonly bucket?: S3Server) {
    // The user of a scratch server has to get to its folder.
    chmodSync(this.root, 0o711)
    this.backups = bucket === undefined ? join(this.root, 'backups') : `s3://${bucket.bucket}/${PREFIX}`
    this.env = bucket === undefined ? {} : reaching(bucket)
  }

  /** One whose backups are in a bucket of its own. */
  static async inBucket(): Promise<BackupDir> {
    return new BackupDir(await S3Server.open())
  }

  /** What holds the backups, where that is a bucket. */
  get store(): S3Server {
    if (this.bucket === undefined) throw new Error('these backups are in a folder')
    return this.bucket
  }

  async remove(): Promise<void> {
    rmSync(this.root, { recursive: true, force: true })
    await this.bucket?.stop()
  }

  /** A folder of its own, with everything above it. */
  folder(name: string, mode = 0o755): string {
    const folder = join(this.root, name)
    mkdirSync(folder, { recursive: true, mode })
    return folder
  }

  /** Runs the command to its end; it prints one JSON document. */
  run(args: readonly string[], env?: Readonly<Record<string, string>>, wrapper?: readonly string[]) {
    return this.start(args, env, wrapper).ended
  }

  /**
   * Starts it, for whoever kills it.
   *
   * @param env may replace what is set here, PATH and TMPDIR too
   * @param wrapper a command that runs the command
   */
  start(
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
    wrapper: readonly string[] = [],
  ): StartedCommand {
    return this.spawn([...args, '--json'], env, wrapper)
  }

  /** Runs it as people do: it prints text. */
  text(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<CommandEnd> {
    return this.spawn(args, env, []).ended
  }

  private spawn(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    wrapper: readonly string[],
  ): StartedCommand {
    const { PATH = '', HOME = '' } = process.env
    const [program, ...rest] = [...wrapper, process.execPath, CLI, ...args]
    const child = spawn(program, rest, {
      cwd: this.root,
      env: { PATH, HOME, TMPDIR: this.root, OBLETH_LEDGER_BACKUPS: this.backups, ...this.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const closed = new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, signal) => resolve([code, signal]))
    })
    const ended = Promise.all([closed, text(child.stdout), text(child.stderr)]).then(
      ([[code, signal], stdout, stderr]) => {
        const document = stdout.startsWith('{') ? JSON.parse(stdout) : null
        return { code, signal, stdout, stderr, output: `${stdout}${stderr}`, document }
      },
    )
    return { pid: child.pid ?? 0, kill: (signal) => void child.kill(signal), ended }
  }

  /** Makes a backup of files as they are, as no server would give them. */
  async make(
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

  async list(): Promise<readonly BackupEntry[]> {
    return (await this.run(['backups', 'list'])).document.backups
  }
}
