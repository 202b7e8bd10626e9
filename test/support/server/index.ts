import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
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
  /** A command that runs the server, and who reads what it says on stderr. */
  readonly under?: { readonly command: readonly string[]; readonly listen: (stderr: Readable) => void } | undefined
}

export interface TestServer {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Resolves when the process has ended, whoever ended it. */
  readonly gone: Promise<void>
  /** Sends the signal and waits until the process has ended. */
  kill(signal: NodeJS.Signals): Promise<void>
  /** Ends it in order. */
  stop(): Promise<void>
}

/** Starts ClickHouse's HTTP interface over chDB in a child process and waits until it answers. */
export async function startServer({ tz = 'UTC', port = 0, under, ...options }: ServerOptions): Promise<TestServer> {
  const front = fileURLToPath(new URL('./front.js', import.meta.url))
  const [program, ...args] = [...(under?.command ?? []), process.execPath, front, JSON.stringify({ ...options, port })]
  const child = spawn(program, args, {
    env: { ...process.env, TZ: tz },
    stdio: ['pipe', 'pipe', under === undefined ? 'inherit' : 'pipe'],
  })
  if (child.stderr !== null) under?.listen(child.stderr)
  const gone = once(child, 'exit').then(() => {})
  const [line] = (await Promise.race([
    once(createInterface(child.stdout!), 'line'),
    gone.then(() => Promise.reject(new Error(`the test server ended with ${child.exitCode ?? child.signalCode}`))),
  ])) as [string]
  const bound = JSON.parse(line) as { port: number; pid: number }
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) process.kill(bound.pid, signal)
    await gone
  }
  return {
    url: `http://127.0.0.1:${bound.port}`,
    port: bound.port,
    pid: bound.pid,
    gone,
    kill: end,
    stop: () => end('SIGTERM'),
  }
}
