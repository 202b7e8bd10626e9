import { type CrashPoint, RenameTrace, straceFor } from '../kill-rename.js'
import { RenameNames } from '../kill-rename-names.js'
import type { Target } from '../kill-run.js'
import type { LedgerDir, Row } from '../ledger-dir.js'
import { ask } from './ask.js'
import { startServer, type TestServer } from './index.js'
import { PASSWORD, USER } from './targets.js'

/** The ledger of a folder behind HTTP: killed at a rename, and taken up again at the same address. */
export class ServedLedger {
  private server: TestServer | undefined
  private port = 0

  constructor(private readonly dir: LedgerDir) {}

  /** Starts the server; with a point or without, its renames are watched until it ends. */
  async startTraced(point?: CrashPoint, holdMs?: number): Promise<RenameTrace> {
    const names = new RenameNames(this.dir)
    let trace: RenameTrace | undefined
    await this.serve({
      command: straceFor(point, holdMs),
      listen: (stderr) => {
        trace = new RenameTrace(stderr, names, point)
      },
    })
    if (trace === undefined) throw new Error('nothing was traced')
    return trace
  }

  start(): Promise<void> {
    return this.serve()
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** `url`: where a command finds the server, if not at its own address. */
  target(url = this.url): Target {
    return {
      args: ['--clickhouse-url', url, '--clickhouse-user', USER],
      env: { OBLETH_LEDGER_CLICKHOUSE_PASSWORD: PASSWORD },
    }
  }

  /** Resolves when the server has ended, killed or not. */
  async gone(): Promise<void> {
    await this.server?.gone
  }

  /** Ends the server in order. */
  async stop(): Promise<void> {
    await this.server?.stop()
  }

  async kill(): Promise<void> {
    await this.server?.kill('SIGKILL')
  }

  ask(statements: readonly string[]): Promise<Row[][]> {
    return ask(this.url, statements)
  }

  private async serve(under?: Parameters<typeof startServer>[0]['under']): Promise<void> {
    const { ledger: dir } = this.dir
    this.server = await startServer({ dir, user: USER, password: PASSWORD, port: this.port, under })
    this.port = this.server.port
  }
}
