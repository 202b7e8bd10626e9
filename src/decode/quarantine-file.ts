import { createHash } from 'node:crypto'
import { closeSync, existsSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'
import type { QuarantineEntry } from '../domain/wal.js'
import { writeError } from '../domain/write-error.js'
import { LF } from './bytes.js'

/** So many entries are known by their place; beyond, an entry may be written again by a later run. */
const MOST_KNOWN = 1_000_000
const READ_BYTES = 1 << 20

/**
 * The quarantine file: JSONL, one entry for each rejected stretch, only ever added to. An entry that an earlier run wrote
 * for the same bytes at the same place is not written again. Made when there is something to write, mode 0600.
 */
export class QuarantineFile {
  private readonly known = new Set<string>()
  private fd: number | null = null
  private entries = 0

  /** Reads what earlier runs wrote. */
  constructor(private readonly path: string) {
    if (existsSync(path)) this.readKnown()
  }

  /** Entries in the file, earlier ones included. */
  get count(): number {
    return this.entries
  }

  /** Throws `disk_full` where it cannot be written. */
  add(entry: QuarantineEntry): void {
    const key = keyOf(entry)
    if (this.known.has(key)) return
    if (this.known.size < MOST_KNOWN) this.known.add(key)
    this.entries++
    this.write(`${JSON.stringify(entry)}\n`)
  }

  /** Makes what was written last, through a loss of power too. */
  close(): void {
    if (this.fd === null) return
    fsyncSync(this.fd)
    closeSync(this.fd)
    this.fd = null
  }

  private write(text: string): void {
    try {
      this.fd ??= openSync(this.path, 'a', 0o600)
      const bytes = Buffer.from(text)
      for (let done = 0; done < bytes.length; ) done += writeSync(this.fd, bytes, done)
    } catch (cause) {
      const hint = 'nothing was published; free some space or name another --state-dir, then run the same command again'
      throw writeError('the quarantine file', this.path, cause, hint)
    }
  }

  private readKnown(): void {
    const fd = openSync(this.path, 'r+')
    try {
      let rest = Buffer.alloc(0)
      const buffer = Buffer.allocUnsafe(READ_BYTES)
      for (let n = readSync(fd, buffer); n > 0; n = readSync(fd, buffer)) {
        const bytes = Buffer.concat([rest, buffer.subarray(0, n)])
        let from = 0
        for (let lf = bytes.indexOf(LF); lf !== -1; lf = bytes.indexOf(LF, from)) {
          this.note(bytes.toString('utf8', from, lf))
          from = lf + 1
        }
        rest = Buffer.from(bytes.subarray(from))
      }
      // A run was killed while it wrote: its line is ended, so that the next one stands alone.
      if (rest.length > 0) {
        this.note(rest.toString('utf8'))
        writeSync(fd, '\n', fstatSync(fd).size)
      }
      // What counts as written is on disk, even if the run that wrote it did not get that far.
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  }

  private note(line: string): void {
    try {
      if (this.known.size < MOST_KNOWN) this.known.add(keyOf(JSON.parse(line) as QuarantineEntry))
      this.entries++
    } catch {
      // A line cut short by a kill is no entry.
    }
  }
}

function keyOf({ pod, path, byteOffset, sha256 }: QuarantineEntry): string {
  return createHash('sha256')
    .update(JSON.stringify([pod, path, byteOffset, sha256]))
    .digest()
    .toString('latin1', 0, 16)
}
