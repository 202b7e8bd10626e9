import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface ServerOptions {
  /** Data directory; one that a killed server left behind is taken up again. */
  readonly dir: string
  readonly user: string
  readonly password: string
  /** Time zone of its days; UTC where not given. */
  readonly tz?: string
  /** File with the engine's own configuration. */
  readonly config?: string
  /** A free one where not given; give the old one to come back at the same address. */
  readonly port?: number
}

export interface TestServer {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Sends the signal and waits until the process has ended. */
  kill(signal: NodeJS.Signals): Promise<void>
  /** Ends it in order. */
  stop(): Promise<void>
}

/** Starts ClickHouse's HTTP interface over chDB in a child process and waits until it answers. */
export async function startServer({ tz = 'UTC', port = 0, ...options }: ServerOptions): Promise<TestServer> {
  const front = fileURLToPath(new URL('./front.js', import.meta.url))
  const child = spawn(process.execPath, [front, JSON.stringify({ ...options, port })], {
    env: { ...process.env, TZ: tz },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [line] = (await Promise.race([
    once(createInterface(child.stdout), 'line'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`the test server ended with ${code}`))),
  ])) as [string]
  const bound = (JSON.parse(line) as { port: number }).port
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    pid: child.pid ?? 0,
    kill: (signal) => ended(child, signal),
    stop: () => ended(child, 'SIGTERM'),
  }
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, 'exit')
}
