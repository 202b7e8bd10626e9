import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { RenameNames } from './kill-rename-names.js'
import { type Ended, startReplay, type Target } from './kill-run.js'
import type { LedgerDir } from './ledger-dir.js'

/** Null where strace is there; else why the test cannot run. With CI=true its absence is an error. */
export function withoutStrace(): string | null {
  const { status } = spawnSync('strace', ['-V'], { stdio: 'ignore' })
  if (status === 0) return null
  if (process.env.CI === 'true') throw new Error('strace is missing: install it (Debian package strace)')
  return 'strace is missing'
}

/** The nth rename of a kind, from 1: `move usage` is a part that arrives in `usage` by MOVE PARTITION. */
export interface CrashPoint {
  readonly kind: string
  readonly nth: number
}

export interface Traced {
  /** Kinds of all renames that were made, in their order. */
  readonly kinds: readonly string[]
  readonly ended: Ended
}

/** Each rename stops the whole process right after it, so that we can look at it before anything else happens. */
const STRACE = [
  ...['strace', '-f', '--seccomp-bpf', '-qq', '-s', '4096', '-e', 'signal=none'],
  ...['-e', 'trace=rename,renameat,renameat2', '-e', 'inject=rename,renameat,renameat2:signal=SIGSTOP'],
]
/** A stop can come a moment after the line that tells of it, and then after our SIGCONT: send another. */
const NUDGE_MS = 20

/** Runs the replay under strace and kills it right after the rename at the point; to its end where there is none. */
export async function replayToRename(dir: LedgerDir, point?: CrashPoint, target?: Target): Promise<Traced> {
  const names = new RenameNames(dir)
  const { child, ended } = startReplay(dir, STRACE, target)
  const kinds: string[] = []
  const unfinished = new Map<string, string>()
  let pid: number | null = null
  let killed = false
  const go = () => {
    if (pid !== null && !killed) signal(pid, 'SIGCONT')
  }
  const nudge = setInterval(go, NUDGE_MS)
  createInterface({ input: child.stderr as Readable }).on('line', (line) => {
    const call = callOf(line, unfinished)
    if (call === null || killed) return
    pid ??= processOf(call.thread)
    if (call.done) {
      const kind = names.kindOf(call.text)
      kinds.push(kind)
      if (kind === point?.kind && kinds.filter((other) => other === kind).length === point.nth) {
        killed = true
        if (pid !== null) signal(pid, 'SIGKILL')
      }
    }
    go()
  })
  try {
    return { kinds, ended: await ended }
  } finally {
    clearInterval(nudge)
  }
}

/** A line of strace's: `[pid 7] rename("a", "b") = 0`, or its two halves where another thread came between. */
function callOf(
  line: string,
  unfinished: Map<string, string>,
): { thread: string | null; text: string; done: boolean } | null {
  const [, thread = null, rest] = /^(?:\[pid +(\d+)\] )?(.*)$/.exec(line) ?? []
  if (rest === undefined) return null
  const key = thread ?? ''
  if (/^rename\w*\(.*<unfinished \.\.\.>$/.test(rest)) {
    unfinished.set(key, rest)
    return { thread, text: rest, done: false }
  }
  if (/^<\.\.\. rename\w* resumed>.* = 0$/.test(rest)) return { thread, text: unfinished.get(key) ?? '', done: true }
  return /^rename\w*\(.* = 0$/.test(rest) ? { thread, text: rest, done: true } : null
}

/** The process of a thread. */
function processOf(thread: string | null): number | null {
  if (thread === null) return null
  const group = /^Tgid:\s+(\d+)$/m.exec(readFileSync(`/proc/${thread}/status`, 'utf8'))
  return group === null ? null : Number(group[1])
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
