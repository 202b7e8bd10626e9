import { spawn } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { cleanEnv, LedgerDir, type Ran, type Row } from '../ledger-dir.js'
import { ask } from './ask.js'
import { type ServerOptions, startServer, type TestServer } from './index.js'
import { PASSWORD, USER } from './targets.js'

const CLI = fileURLToPath(new URL('../../../bin/obleth-ledger.js', import.meta.url))

export interface ServerRan extends Ran {
  /** All that it printed, on both channels. */
  readonly output: string
  readonly signal: NodeJS.Signals | null
}

export interface ReplayHow {
  readonly env?: Record<string, string>
  /** Where the command finds the server, if not at the server's own address. */
  readonly url?: string
  /** Lets it tell of its progress, too. */
  readonly loud?: boolean
  /** False for commands that keep no state on this side. */
  readonly state?: boolean
  /** False for commands that do not talk to the server. */
  readonly target?: boolean
  /** Kills the command when it resolves. */
  readonly killWhen?: () => Promise<void>
  /** By this signal; SIGKILL where not given. */
  readonly killBy?: NodeJS.Signals
}

/** Pods and the state of runs in a scratch folder, and a server as target. */
export class ServerDir {
  readonly files = new LedgerDir()

  private constructor(
    public server: TestServer,
    private readonly data: LedgerDir,
    private readonly how: ServerHow,
  ) {}

  /** `tz`: the server's time zone. `config`: the engine's own configuration, XML. */
  static async start(tz = 'UTC', config?: string): Promise<ServerDir> {
    const data = new LedgerDir()
    const how: ServerHow = { tz, ...(config === undefined ? {} : { config: join(data.root, 'config.xml') }) }
    if (how.config !== undefined) writeFileSync(how.config, config ?? '')
    return new ServerDir(await serve(data, how), data, how)
  }

  /** Ends the server by the signal, and starts it again at its old address. */
  async restart(signal: NodeJS.Signals): Promise<void> {
    await this.server.kill(signal)
    this.server = await serve(this.data, this.how, this.server.port)
  }

  /** Takes away the files and what runs remember on this side. */
  clear(): void {
    rmSync(this.files.pods, { recursive: true, force: true })
    rmSync(this.files.state, { recursive: true, force: true })
  }

  /** The same, and the ledger too. */
  async empty(): Promise<void> {
    await this.sql('DROP DATABASE IF EXISTS obleth SYNC')
    this.clear()
  }

  async remove(): Promise<void> {
    await this.server.stop()
    this.data.remove()
    this.files.remove()
  }

  /** Runs statements on the server, also beside a command; the rows of each. */
  sql(...statements: string[]): Promise<Row[][]> {
    return ask(this.server.url, statements)
  }

  /** Replays the pods' files into the server, with --yes. */
  replay(...args: string[]): Promise<ServerRan> {
    return this.run(['--yes', ...args])
  }

  /** Makes obleth's schema, by a replay of what is not in the window. */
  replayNothing(): Promise<ServerRan> {
    if (!existsSync(this.files.pods)) this.files.write('router-0/telemetry.wal', '\n')
    return this.replay('--create-schema', '--since', '2030-01-01T00:00:00Z')
  }

  run(args: readonly string[], how: ReplayHow = {}): Promise<ServerRan> {
    return this.command(['replay', this.files.pods, ...args], how)
  }

  /** Runs any command with the server as target. */
  async command(
    args: readonly string[],
    {
      env = {},
      url = this.server.url,
      loud = false,
      state = true,
      target = true,
      killWhen,
      killBy = 'SIGKILL',
    }: ReplayHow = {},
  ): Promise<ServerRan> {
    const place = target ? ['--clickhouse-url', url, '--clickhouse-user', USER] : []
    const own = !state || args.includes('--state-dir') ? [] : ['--state-dir', this.files.state]
    const child = spawn(process.execPath, [CLI, ...args, ...place, ...own, '--json', ...(loud ? [] : ['--quiet'])], {
      cwd: this.files.root,
      env: cleanEnv({ OBLETH_LEDGER_CLICKHOUSE_PASSWORD: PASSWORD, ...env }),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
      child.on('close', (code, signal) => resolve([code, signal]))
    })
    if (killWhen !== undefined) {
      await Promise.race([killWhen(), ended])
      child.kill(killBy)
    }
    const [code, signal] = await ended
    const document = (stdout === '' ? {} : JSON.parse(stdout)) as Ran['document']
    // As a message of an assertion, a line that begins with `at` would be read as a frame of its stack.
    return { code, signal, stderr, document, output: (stdout + stderr).replaceAll('\n   at ', '\n   place ') }
  }

  /** Resolves when the SELECT has a row. A table that does not exist yet is no row. */
  async until(select: string): Promise<void> {
    for (let round = 0; round < 6000; round++) {
      const [rows] = await this.sql(select).catch(() => [[]])
      if (rows.length > 0) return
      await sleep(5)
    }
    throw new Error(`never came true: ${select}`)
  }
}

type ServerHow = Pick<ServerOptions, 'tz' | 'config'>

function serve(data: LedgerDir, how: ServerHow, port = 0): Promise<TestServer> {
  return startServer({ dir: join(data.root, 'data'), user: USER, password: PASSWORD, ...how, port })
}
