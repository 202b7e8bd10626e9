import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
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

const RENAMES = 'rename,renameat,renameat2'
const STRACE = ['strace', '-f', '--seccomp-bpf', '-qq', '-s', '4096', '-e', 'signal=none', '-e', `trace=${RENAMES}`]
/** How long the thread that makes a rename is held before or behind it, so that we can kill the process meanwhile. */
const HOLD_MS = 40
const LONGEST_HOLD_MS = 5000

/**
 * A command that runs a program so that `RenameTrace` can kill it at the point. strace holds each thread at its renames; a
 * signal that strace sends there itself would not do, as it is lost where strace stops at some calls only.
 */
export function straceFor(point?: CrashPoint, holdMs = HOLD_MS): string[] {
  if (point === undefined) return STRACE
  const hold = point.when === 'before' ? 'delay_enter' : 'delay_exit'
  return [...STRACE, '-e', `inject=${RENAMES}:${hold}=${holdMs * 1000}`]
}

/** Watches a process that `straceFor` runs, and kills it at the point; where there is none, it goes on to its end. */
export class RenameTrace {
  /** Kinds of all renames, in their order, up to the one at the point. */
  readonly kinds: string[] = []
  private pid: number | null = null
  /** The rename at which it was killed. */
  private killedAt: string | null = null
  /** Renames made behind that one. */
  private later = 0
  private readonly closed: Promise<unknown>

  constructor(
    stderr: Readable,
    private readonly names: RenameNames,
    private readonly point?: CrashPoint,
  ) {
    this.closed = once(stderr, 'close')
    readRenames(stderr, ({ text, thread, made }) => {
      this.pid ??= processOf(thread)
      if (this.killedAt !== null) this.later += made && text !== this.killedAt && !this.isAside(text) ? 1 : 0
      else if (made === (point?.when !== 'before')) this.meet(text)
    })
  }

  /**
   * Whether the process died at the point, as it shall. The kill may have come too late: when a rename that was to be left
   * undone was made, or another behind one that was to be the last. To be asked before anybody takes its files up again.
   */
  async outcome(): Promise<'hit' | 'too late' | 'not reached'> {
    await this.closed
    if (this.killedAt === null) return 'not reached'
    const late = this.point?.when === 'before' ? !existsSync(pathsOf(this.killedAt)[0]) : this.later > 0
    return late ? 'too late' : 'hit'
  }

  private meet(text: string): void {
    const kind = this.names.kindOf(text)
    this.kinds.push(kind)
    if (kind !== this.point?.kind || this.kinds.filter((other) => other === kind).length !== this.point.nth) return
    this.killedAt = text
    if (this.pid !== null) signal(this.pid, 'SIGKILL')
  }

  /** What ClickHouse does in threads of its own, whenever it likes. */
  private isAside(text: string): boolean {
    return /^(merge|delete) /.test(this.names.kindOf(text))
  }
}

/** Tries again on a fresh ledger, with a longer hold, while the kill comes too late. */
export async function untilInTime<T>(attempt: (holdMs: number) => Promise<T | 'too late'>): Promise<T> {
  for (let holdMs = HOLD_MS; holdMs <= LONGEST_HOLD_MS; holdMs *= 4) {
    const outcome = await attempt(holdMs)
    if (outcome !== 'too late') return outcome
  }
  throw new Error('every kill came too late')
}

export interface Traced {
  readonly kinds: readonly string[]
  readonly outcome: Awaited<ReturnType<RenameTrace['outcome']>>
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
  return { kinds: trace.kinds, outcome: await trace.outcome(), ended: how }
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
