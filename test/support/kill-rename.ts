import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { pathsOf, RenameNames } from './kill-rename-names.js'
import { type Ended, startReplay, type Target } from './kill-run.js'
import { readRenames } from './kill-trace.js'
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
  /** Whether the process dies right before the rename, which is left undone, or right after it; after, where not given. */
  readonly when?: 'before' | 'after'
}

const STRACE = ['strace', '-f', '--seccomp-bpf', '-qq', '-s', '4096', '-e', 'signal=none']
const RENAMES = 'rename,renameat,renameat2'
/** How long a rename is held first, so that we can kill the process before it is made. */
const HOLD_MS = 40
const LONGEST_HOLD_MS = 5000
/** A stop can come a moment after the line that tells of it, and then after our SIGCONT: send another. */
const NUDGE_MS = 20

/**
 * A command that runs a program so that `RenameTrace` can kill it at the point. To look at a rename before anything else
 * happens, strace stops the whole process right after each; a stop before it there is not, but its thread can be held.
 */
export function straceFor(point?: CrashPoint, holdMs = HOLD_MS): string[] {
  const act = point?.when === 'before' ? `delay_enter=${holdMs * 1000}` : 'signal=SIGSTOP'
  return [...STRACE, '-e', `trace=${RENAMES}`, '-e', `inject=${RENAMES}:${act}`]
}

/** Watches a process that `straceFor` runs, and kills it at the point; where there is none, it goes on to its end. */
export class RenameTrace {
  /** Kinds of all renames, in their order, up to the one at the point. */
  readonly kinds: string[] = []
  private pid: number | null = null
  /** The rename at which it was killed. */
  private killedAt: string | null = null
  private readonly nudge = setInterval(() => this.go(), NUDGE_MS)

  constructor(
    stderr: Readable,
    private readonly names: RenameNames,
    private readonly point?: CrashPoint,
  ) {
    readRenames(stderr, ({ text, thread, made }) => {
      if (this.killedAt !== null) return
      this.pid ??= processOf(thread)
      if (made === (point?.when !== 'before')) this.meet(text)
      this.go()
    })
    stderr.on('close', () => clearInterval(this.nudge))
  }

  /**
   * Whether the process died at the point, as it shall: a rename that is to be left undone was perhaps made, where the
   * kill came too late. To be asked before anybody takes its files up again.
   */
  get outcome(): 'hit' | 'too late' | 'not reached' {
    if (this.killedAt === null) return 'not reached'
    return this.point?.when === 'before' && !existsSync(pathsOf(this.killedAt)[0]) ? 'too late' : 'hit'
  }

  private meet(text: string): void {
    const kind = this.names.kindOf(text)
    this.kinds.push(kind)
    if (kind !== this.point?.kind || this.kinds.filter((other) => other === kind).length !== this.point.nth) return
    this.killedAt = text
    if (this.pid !== null) signal(this.pid, 'SIGKILL')
  }

  private go(): void {
    if (this.pid !== null && this.killedAt === null) signal(this.pid, 'SIGCONT')
  }
}

/** Tries again with a longer hold, on a fresh ledger, while the kill before a rename comes too late. */
export async function untilInTime<T>(attempt: (holdMs: number) => Promise<T | 'too late'>): Promise<T> {
  for (let holdMs = HOLD_MS; holdMs <= LONGEST_HOLD_MS; holdMs *= 4) {
    const outcome = await attempt(holdMs)
    if (outcome !== 'too late') return outcome
  }
  throw new Error(`no kill came before the rename, though it was held for up to ${LONGEST_HOLD_MS} ms`)
}

export interface Traced {
  readonly kinds: readonly string[]
  readonly outcome: RenameTrace['outcome']
  readonly ended: Ended
}

/** Runs the replay under strace and kills it at the rename at the point; to its end where there is none. */
export async function replayToRename(
  dir: LedgerDir,
  point?: CrashPoint,
  target?: Target,
  holdMs?: number,
): Promise<Traced> {
  const { child, ended } = startReplay(dir, straceFor(point, holdMs), target)
  const trace = new RenameTrace(child.stderr as Readable, new RenameNames(dir), point)
  const how = await ended
  return { kinds: trace.kinds, outcome: trace.outcome, ended: how }
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
