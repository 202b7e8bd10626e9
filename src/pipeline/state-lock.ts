import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { isProcessAlive, processStat } from '../domain/process-alive.js'

const ATTEMPTS = 20
const BETWEEN_ATTEMPTS_MS = 100

/** Keeps two processes out of one run's state. A lock whose process is gone is taken over. */
export class StateLock {
  private constructor(private readonly file: string) {}

  /** Throws `target_locked` where a living process holds it. */
  static acquire(file: string): StateLock {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        const fd = openSync(file, 'wx', 0o600)
        writeSync(fd, `${process.pid} ${startOf(process.pid)} ${hostname()}\n`)
        closeSync(fd)
        return new StateLock(file)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      // A process that was killed a moment ago may still be giving back its memory.
      if (readHolder(file)?.alive) pause()
      else rmSync(file, { force: true })
    }
    throw locked(file, readHolder(file))
  }

  release(): void {
    rmSync(this.file, { force: true })
  }
}

interface Holder {
  readonly pid: number
  readonly host: string
  readonly alive: boolean
}

/** Null where the lock is gone, or was never written whole. */
function readHolder(file: string): Holder | null {
  try {
    const [pid, start, host = ''] = readFileSync(file, 'utf8').trim().split(' ')
    if (!/^\d+$/.test(pid)) return null
    // On another machine, as with a shared folder, nobody can tell: it counts as alive.
    const alive =
      host !== hostname() || (isProcessAlive(Number(pid)) && (start === '' || start === startOf(Number(pid))))
    return { pid: Number(pid), host, alive }
  } catch {
    return null
  }
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BETWEEN_ATTEMPTS_MS)
}

/** Tells a process from a later one with the same number (Linux); empty where the system does not say. */
function startOf(pid: number): string {
  return processStat(pid)[19] ?? ''
}

function locked(file: string, holder: Holder | null): LedgerError {
  const who = holder === null ? 'another process' : `process ${holder.pid} on ${printable(holder.host)}`
  return new LedgerError('target_locked', `this run's state is in use by ${who}`, {
    place: printable(file),
    hint: 'wait until it has ended, then run the same command again; if it cannot be alive, remove this file',
  })
}
