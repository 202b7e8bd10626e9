import { randomUUID } from 'node:crypto'
import { closeSync, openSync, readSync, unlinkSync, writevSync } from 'node:fs'
import { join } from 'node:path'
import { RecordArena } from '../domain/arena.js'
import { LedgerError } from '../domain/errors.js'
import { writeError } from '../domain/write-error.js'
import { copyRows, DUMP_HEAD_BYTES, dumpArena, dumpBodyBytes, type KnownCodes, loadArena } from './arena-copy.js'
import { ENTRY_WORDS } from './id-table.js'

const MARKERS_AT_ONCE = 4096
const ROWS_AT_ONCE = 256

/**
 * What waits on disk of one range of ids: markers of records that were sent before the range was put aside, which are
 * entries of the table of ids, and records that came afterwards.
 */
export class SpillRange {
  rows = 0
  bytes = 0
  private readonly markers: SpillFile
  private readonly records: SpillFile
  private readonly pending: RecordArena
  private readonly picked: number[] = []
  private markerBuffer = new Uint32Array(MARKERS_AT_ONCE * ENTRY_WORDS)
  private markerUsed = 0

  /** Ids whose hash has its high byte in [low, high). */
  constructor(
    dir: string,
    readonly low: number,
    readonly high: number,
    arenaRows: number,
  ) {
    this.markers = new SpillFile(dir)
    this.records = new SpillFile(dir)
    this.pending = new RecordArena(arenaRows)
  }

  /** Takes the marker at words[at]. */
  addMarker(words: Uint32Array, at: number): void {
    for (let w = 0; w < ENTRY_WORDS; w++) this.markerBuffer[this.markerUsed++] = words[at + w]
    if (this.markerUsed === this.markerBuffer.length) this.flushMarkers()
  }

  /** Notes a row of the arena that `takePicked` is called for next. */
  pick(row: number): void {
    this.picked.push(row)
    this.rows++
  }

  /** Takes the rows noted, some at a time. */
  takePicked(arena: RecordArena, known: KnownCodes): void {
    const rows = new Uint32Array(this.picked)
    this.picked.length = 0
    known.forget()
    for (let at = 0; at < rows.length; ) {
      const some = rows.subarray(at, at + Math.min(ROWS_AT_ONCE, this.pending.capacity - this.pending.rows))
      copyRows(arena, some, this.pending, known)
      at += some.length
      if (this.pending.rows === this.pending.capacity || this.pending.strings.heapUsed > 1 << 20) {
        this.flushRows()
        known.forget()
      }
    }
  }

  /** Writes what is still in memory, and lets the memory go. */
  seal(): void {
    this.flushMarkers()
    this.flushRows()
    this.markerBuffer = new Uint32Array(0)
  }

  /** The markers, at most so many at a time, one behind the other; valid until the next are asked for. */
  *readMarkers(atOnce: number): Iterable<Uint32Array> {
    const chunk = new Uint32Array(atOnce * ENTRY_WORDS)
    for (let at = 0; ; ) {
      const got = this.markers.read(bytesOf(chunk), at)
      if (got === 0) return
      at += got
      yield chunk.subarray(0, got / chunk.BYTES_PER_ELEMENT)
    }
  }

  /** The records, some at a time, in the arena given, which must be as large as those that were written. */
  *readRows(): Iterable<RecordArena> {
    const arena = this.pending
    const head = Buffer.alloc(DUMP_HEAD_BYTES)
    let space = Buffer.alloc(0)
    for (let at = 0; this.records.read(head, at) === DUMP_HEAD_BYTES; ) {
      const bytes = dumpBodyBytes(head, arena)
      if (space.length < bytes) space = Buffer.allocUnsafeSlow(bytes)
      const body = space.subarray(0, bytes)
      if (this.records.read(body, at + DUMP_HEAD_BYTES) < body.length)
        throw new LedgerError('internal', 'a spill file ends too early', { place: this.records.place })
      at += DUMP_HEAD_BYTES + body.length
      loadArena(head, body, arena)
      yield arena
    }
  }

  remove(): void {
    this.markers.remove()
    this.records.remove()
  }

  private flushMarkers(): void {
    if (this.markerUsed === 0) return
    this.bytes += this.markers.write([bytesOf(this.markerBuffer.subarray(0, this.markerUsed))])
    this.markerUsed = 0
  }

  private flushRows(): void {
    if (this.pending.rows === 0) return
    this.bytes += this.records.write(dumpArena(this.pending))
    this.pending.reset()
  }
}

/**
 * A file that is written to its end, then read. Made at its first write, and without a name from then on: whatever
 * becomes of this process, its space is free again when it ends.
 */
class SpillFile {
  private fd: number | undefined

  constructor(readonly place: string) {}

  write(parts: Buffer[]): number {
    try {
      this.fd ??= openNameless(this.place)
      const whole = parts.reduce((sum, part) => sum + part.length, 0)
      let rest = parts
      for (let written = 0; written < whole; ) {
        let done = writevSync(this.fd, rest)
        written += done
        while (rest.length > 0 && done >= rest[0].length) done -= rest.shift()?.length ?? 0
        if (rest.length > 0 && done > 0) rest = [rest[0].subarray(done), ...rest.slice(1)]
      }
      return whole
    } catch (cause) {
      const hint =
        'nothing was published; free some space, name another --state-dir or give more --memory, then run the same command again'
      throw writeError('to a spill file', this.place, cause, hint)
    }
  }

  /** Fills the buffer from the position given; the number of bytes that were there. */
  read(into: Buffer, position: number): number {
    if (this.fd === undefined) return 0
    let got = 0
    for (let n = 1; n > 0 && got < into.length; got += n)
      n = readSync(this.fd, into, got, into.length - got, position + got)
    return got
  }

  remove(): void {
    if (this.fd === undefined) return
    closeSync(this.fd)
    this.fd = undefined
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint32Array): Buffer => Buffer.from(buffer, byteOffset, byteLength)

function openNameless(dir: string): number {
  const path = join(dir, `${randomUUID()}.spill`)
  const fd = openSync(path, 'wx+', 0o600)
  unlinkSync(path)
  return fd
}
