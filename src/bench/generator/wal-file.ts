import { createHash } from 'node:crypto'
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { QuarantineReason } from '../../domain/wal.js'
import type { Generation } from './line.js'
import type { UsageRecord } from './record.js'
import type { Tally } from './tally.js'

/** A record and the line that holds it. */
export interface WrittenRecord {
  /** As a reader gets it: fields that the line lacks hold their defaults. */
  readonly record: UsageRecord
  /** Without its end. */
  readonly line: string
  readonly generation: Generation
  /** A float is written as null. */
  readonly repaired?: boolean
}

const BUFFER_BYTES = 1 << 16

/** A WAL file while it is written, telling the tally what each line holds. */
export class WalFile {
  /** Bytes so far. */
  bytes = 0
  /** Line ends so far. */
  private ends = 0
  private buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  private used = 0
  private readonly fd: number
  private readonly file: string
  /** Relative to the tree. */
  private readonly path: string

  /**
   * @param root directory of the tree
   * @param name path below the pod's directory
   */
  constructor(
    root: string,
    private readonly pod: string,
    name: string,
    private readonly tally: Tally,
  ) {
    this.path = `${pod}/${name}`
    this.file = join(root, pod, name)
    mkdirSync(dirname(this.file), { recursive: true })
    this.fd = openSync(this.file, 'w')
    tally.pods.add(pod)
    tally.files++
  }

  /** A line with a record. `copy`: the same record stands elsewhere too. */
  record(written: WrittenRecord, copy = false): void {
    this.text(written.line)
    this.end()
    this.tally.lines.withRecords++
    this.tally.record(written, copy)
  }

  /** What stands behind each batch. */
  blank(): void {
    this.end()
    this.tally.lines.blank++
  }

  /** A line without a record; `bytes` without its end. */
  rejected(bytes: Buffer, reason: QuarantineReason): void {
    this.reject(bytes, reason)
    this.end()
    this.tally.lines.quarantined++
  }

  /**
   * A line that holds bytes of no use and then a record: a process died within a line, or the machine lost power, and
   * the next process went on right behind.
   */
  recordBehind(bytes: Buffer, reason: QuarantineReason, written: WrittenRecord, copy = false): void {
    this.reject(bytes, reason)
    this.tally.records.salvaged++
    this.record(written, copy)
  }

  /** The beginning of a record at the end of the file. Nothing can follow. */
  tornTail(bytes: Buffer): void {
    this.reject(bytes, 'truncated_tail')
    this.tally.lines.read++
    this.tally.lines.tornTails++
  }

  /** Puts it on disk. `checkpoint`: content of its `.offset` file, where it has one. */
  close(checkpoint?: number | string): void {
    this.flush()
    closeSync(this.fd)
    this.tally.bytes += this.bytes
    if (checkpoint !== undefined) writeFileSync(`${this.file}.offset`, String(checkpoint))
  }

  private reject(bytes: Buffer, reason: QuarantineReason): void {
    this.tally.rejected.push({
      pod: this.pod,
      path: this.path,
      line: this.ends + 1,
      byteOffset: this.bytes,
      length: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      reason,
    })
    this.flush()
    writeSync(this.fd, bytes)
    this.bytes += bytes.length
  }

  private end(): void {
    this.text('\n')
    this.ends++
    this.tally.lines.read++
  }

  private text(text: string): void {
    // A UTF-16 unit takes three bytes of UTF-8 at most.
    if (this.used + text.length * 3 > this.buffer.length) this.flush(text.length * 3)
    const length = this.buffer.write(text, this.used)
    this.used += length
    this.bytes += length
  }

  private flush(need = 0): void {
    writeSync(this.fd, this.buffer, 0, this.used)
    this.used = 0
    if (need > this.buffer.length) this.buffer = Buffer.allocUnsafe(need)
  }
}
