import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { type Holder, readHolder, thisHolder } from './lock-holder.js'

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
        writeSync(fd, `${thisHolder()}\n`)
        closeSync(fd)
        return new StateLock(file)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      // A process that was killed a moment ago may still be giving back its memory.
      if (holderOf(file)?.alive) pause()
      else rmSync(file, { force: true })
    }
    throw locked(file, holderOf(file))
  }

  release(): void {
    rmSync(this.file, { force: true })
  }
}

/** Null where the lock is gone, or was never written whole. */
function holderOf(file: string): Holder | null {
  try {
    return readHolder(readFileSync(file, 'utf8'))
  } catch {
    return null
  }
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BETWEEN_ATTEMPTS_MS)
}

function locked(file: string, holder: Holder | null): LedgerError {
  const who = holder === null ? 'another process' : `process ${holder.pid} on ${printable(holder.host)}`
  return new LedgerError('target_locked', `this run's state is in use by ${who}`, {
    place: printable(file),
    hint: 'wait until it has ended, then run the same command again; if it cannot be alive, remove this file',
  })
}
