import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { isProcessAlive } from '../domain/process-alive.js'

/** Keeps two processes out of one run's state. A lock whose process is gone is taken over. */
export class StateLock {
  private constructor(private readonly file: string) {}

  /** Throws `target_locked` where a living process holds it. */
  static acquire(file: string): StateLock {
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        const fd = openSync(file, 'wx', 0o600)
        writeSync(fd, `${process.pid} ${startOf(process.pid)} ${hostname()}\n`)
        closeSync(fd)
        return new StateLock(file)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const holder = readHolder(file)
      if (holder?.alive) throw locked(file, holder)
      rmSync(file, { force: true })
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

/** Tells a process from a later one with the same number (Linux); empty where the system does not say. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function locked(file: string, holder: Holder | null): LedgerError {
  const who = holder === null ? 'another process' : `process ${holder.pid} on ${printable(holder.host)}`
  return new LedgerError('target_locked', `this run's state is in use by ${who}`, {
    place: printable(file),
    hint: 'wait until it has ended, then run the same command again; if it cannot be alive, remove this file',
  })
}
