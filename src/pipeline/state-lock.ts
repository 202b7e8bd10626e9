import { randomBytes } from 'node:crypto'
import { closeSync, fstatSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { type Holder, readHolder, thisHolder } from './lock-holder.js'

const ATTEMPTS = 20
const BETWEEN_ATTEMPTS_MS = 100
/** A process writes its lock right after it has made it: one that is empty for so long was left so. */
const ATTEMPTS_FOR_WRITING = 10

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
      const seen = lookAt(file)
      if (seen === null) continue
      // Without a holder it may be a lock that is being written this very moment.
      const written = seen.holder !== null || attempt >= ATTEMPTS_FOR_WRITING
      // A process that was killed a moment ago may still be giving back its memory.
      if (!written || seen.holder?.alive) pause()
      else takeAway(file, seen)
    }
    throw locked(file, lookAt(file)?.holder ?? null)
  }

  release(): void {
    rmSync(this.file, { force: true })
  }
}

interface Seen {
  /** Null where the lock was not written whole. */
  readonly holder: Holder | null
  /** Tells it from one that another process put in its place; an inode's number alone may be given again at once. */
  readonly identity: string
}

/** Null where there is no lock. */
function lookAt(file: string): Seen | null {
  let fd: number | null = null
  try {
    fd = openSync(file, 'r')
    const text = readFileSync(fd, 'utf8')
    const { ino, mtimeNs } = fstatSync(fd, { bigint: true })
    return { holder: readHolder(text), identity: `${ino} ${mtimeNs} ${text}` }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  } finally {
    if (fd !== null) closeSync(fd)
  }
}

/** Removes the lock that was looked at, and not one that another process has put in its place since. */
function takeAway(file: string, seen: Seen): void {
  const aside = `${file}.${randomBytes(6).toString('hex')}`
  try {
    renameSync(file, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  try {
    if (lookAt(aside)?.identity !== seen.identity) linkSync(aside, file)
  } finally {
    rmSync(aside, { force: true })
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
