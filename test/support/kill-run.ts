import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { REPLAY_ARGS } from './kill-scenarios.js'
import { cleanEnv, type LedgerDir, type Ran } from './ledger-dir.js'

const CLI = fileURLToPath(new URL('../../bin/obleth-ledger.js', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
}

/** Where to, if not into the folder's own ledger. */
export interface Target {
  readonly args: readonly string[]
  readonly env: Record<string, string>
}

/** Starts the replay that `LedgerDir.replay` runs, without waiting for it. `wrapper`: a command that runs it. */
export function startReplay(dir: LedgerDir, wrapper: readonly string[] = [], target?: Target): Running {
  return startCommand(dir, ['replay', dir.pods, ...REPLAY_ARGS], wrapper, target)
}

/** Starts any command that changes a ledger, likewise. */
export function startCommand(
  dir: LedgerDir,
  command: readonly string[],
  wrapper: readonly string[] = [],
  target?: Target,
): Running {
  const place = target?.args ?? ['--embedded', dir.ledger]
  const args = [...command, ...place, '--state-dir', dir.state]
  const [program, ...rest] = [...wrapper, process.execPath, CLI, ...args, '--json', '--quiet']
  const child = spawn(program, rest, { cwd: dir.root, env: cleanEnv(target?.env), stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  return { child, ended }
}

/** What a command that was not killed printed. */
export function ranOf({ code, stdout, stderr }: Ended): Ran {
  return { code, stderr, document: JSON.parse(stdout) as Ran['document'] }
}

/** Starts the replay and sends it a signal after so many milliseconds, unless it has ended by then. */
export async function replaySignalled(dir: LedgerDir, signal: NodeJS.Signals, afterMs: number): Promise<Ended> {
  const { child, ended } = startReplay(dir)
  const stop = new AbortController()
  const signalled = sleep(afterMs, undefined, { signal: stop.signal }).then(
    () => child.kill(signal),
    () => {},
  )
  const result = await ended
  stop.abort()
  await signalled
  return result
}

/** Random numbers below 1 that a seed determines (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
