import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../../bin/obleth-ledger.js', import.meta.url))

export interface CommandEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface StartedCommand {
  readonly pid: number
  kill(signal: NodeJS.Signals): void
  readonly ended: Promise<CommandEnd>
}

/** A place for backups and temporary files, in which the built command runs; nothing of the environment names a server. */
export class BackupPlace {
  readonly root = mkdtempSync(join(tmpdir(), 'backups-'))
  readonly backups = join(this.root, 'backups')

  constructor() {
    // The user of a scratch server has to get to its folder.
    chmodSync(this.root, 0o711)
  }

  /** @param env may replace what is set here, PATH and TMPDIR too */
  start(args: readonly string[], env: Record<string, string> = {}): StartedCommand {
    const { PATH = '', HOME = '' } = process.env
    const child = spawn(process.execPath, [CLI, ...args], {
      cwd: this.root,
      env: { PATH, HOME, TMPDIR: this.root, OBLETH_LEDGER_BACKUPS: this.backups, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }))
    return { pid: child.pid ?? 0, kill: (signal) => void child.kill(signal), ended }
  }

  run(args: readonly string[], env?: Record<string, string>): Promise<CommandEnd> {
    return this.start(args, env).ended
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}
