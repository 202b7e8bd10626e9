import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { RunDocument } from '../../src/domain/document.js'

const CLI = fileURLToPath(new URL('../../bin/obleth-ledger.js', import.meta.url))
const RUN_SQL = fileURLToPath(new URL('run-sql.js', import.meta.url))

export type Row = Record<string, string>

export interface Ran {
  readonly code: number | null
  readonly stderr: string
  readonly document: RunDocument & { error?: { code: string; message: string } }
}

/** Nothing that names a real ledger reaches the command. */
export function cleanEnv(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('OBLETH') && name !== 'TZ')
  return { ...Object.fromEntries(own), ...extra }
}

/** A scratch folder with pods, an embedded ledger and the built command, as a user has them. */
export class LedgerDir {
  readonly root = mkdtempSync(join(tmpdir(), 'ledger-'))
  readonly pods = join(this.root, 'pods')
  readonly ledger = join(this.root, 'ledger')
  readonly state = join(this.root, 'state')
  private statements = 0

  constructor() {
    mkdirSync(this.pods)
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }

  /** Writes a file below the pods' folder. */
  write(path: string, content: string | Buffer): void {
    const file = join(this.pods, path)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, content)
  }

  /** `wrapper`: a command that runs the command. */
  run(args: readonly string[], env: Record<string, string> = {}, wrapper: readonly string[] = []): Ran {
    const [program, ...rest] = [...wrapper, process.execPath, CLI, ...this.all(args)]
    const { status, stdout, stderr } = spawnSync(program, rest, {
      cwd: this.root,
      env: cleanEnv(env),
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    })
    return ranOf(status, stdout, stderr)
  }

  /** Runs the command beside this process, which goes on: for servers in it. */
  async runBeside(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
    const child = spawn(process.execPath, [CLI, ...this.all(args)], {
      cwd: this.root,
      env: cleanEnv(env),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
    return ranOf(await ended, stdout, stderr)
  }

  private all(args: readonly string[]): string[] {
    return [...args, '--embedded', this.ledger, '--state-dir', this.state, '--json', '--quiet']
  }

  replay(...args: string[]): Ran {
    return this.run(['replay', this.pods, ...args])
  }

  /** Runs statements on the ledger while no command has it open; the rows of each. */
  sql(...statements: string[]): Row[][] {
    const file = join(this.root, `sql-${this.statements++}.json`)
    writeFileSync(file, JSON.stringify(statements))
    const { status, stdout, stderr } = spawnSync(process.execPath, [RUN_SQL, this.ledger, file], {
      env: cleanEnv(),
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    })
    if (status !== 0) throw new Error(stderr)
    return JSON.parse(stdout) as Row[][]
  }
}

function ranOf(code: number | null, stdout: string, stderr: string): Ran {
  try {
    return { code, stderr, document: JSON.parse(stdout) as Ran['document'] }
  } catch {
    throw new Error(`no JSON document, exit ${code}: ${stdout.slice(0, 300)}\n${stderr}`)
  }
}
