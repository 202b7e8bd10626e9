import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fstatSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { type Holder, readHolder, thisHolder } from './lock-holder.js'

const ATTEMPTS = 20
const BETWEEN_ATTEMPTS_MS = 100
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
      const { holder, inode } = lookAt(file)
      if (inode === null) continue
      // Without a holder it may be a lock that is being written this very moment.
      const written = holder !== null || attempt >= ATTEMPTS_FOR_WRITING
      // A process that was killed a moment ago may still be giving back its memory.
      if (!written || holder?.alive) pause()
      else takeAway(file, inode)
    }
    throw locked(file, lookAt(file).holder)
  }

  release(): void {
    rmSync(this.file, { force: true })
  }
}

/** No inode where the lock is gone, no holder where it was not written whole. */
function lookAt(file: string): { holder: Holder | null; inode: number | null } {
  let fd: number | null = null
  try {
    fd = openSync(file, 'r')
    return { holder: readHolder(readFileSync(fd, 'utf8')), inode: fstatSync(fd).ino }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { holder: null, inode: null }
    throw error
  } finally {
    if (fd !== null) closeSync(fd)
  }
}

/** Removes the lock that was looked at, and not one that another process has put in its place since. */
function takeAway(file: string, inode: number): void {
  const aside = `${file}.${randomBytes(6).toString('hex')}`
  try {
    renameSync(file, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  try {
    if (statSync(aside).ino !== inode) linkSync(aside, file)
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
