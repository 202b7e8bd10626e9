import type { RecordArena } from '../domain/arena.js'
import { EVIDENCE_ACKNOWLEDGED } from '../domain/arena.js'
import { noLines } from '../domain/counts.js'
import { DAY_MS, MAX_LINE_BYTES } from '../domain/record.js'
import type { OpenWalFile, WalFile, Warning } from '../domain/wal.js'
import { INPUT_BYTES, type Scanned } from '../kernel/index.js'
import { CR, isBlank, LF } from './bytes.js'
import { CandidateBatch } from './candidate-batch.js'
import { CarefulReader } from './careful-reader.js'
import type { DecodeHooks, DecodeOptions, FileCounts } from './decoding.js'
import { FieldNotes } from './field-notes.js'
import { OpenLine } from './open-line.js'
import { Rejects } from './rejects.js'
import { type Piece, Salvage } from './salvage.js'

const BOM = [0xef, 0xbb, 0xbf]

/**
 * Turns the bytes of WAL files into records. Lines in serde_json's own shape are scanned straight into the arena; all
 * others are read carefully, and what cannot be read is quarantined with its exact bytes. The outcome does not depend on
 * how the bytes are cut into chunks, and memory not on the length of lines.
 */
export class Decoder {
  private readonly arena: RecordArena
  private readonly reader: CarefulReader
  private readonly salvage: Salvage
  private readonly notes = new FieldNotes()
  private readonly latestMs: number
  private readonly maxLineBytes: number

  private file!: WalFile
  private rejects!: Rejects
  private batch!: CandidateBatch
  private line!: OpenLine
  private acknowledged = 0
  private origin = 0
  private lines = noLines()
  private decoded = 0
  private repaired = 0
  private salvaged = 0
  private future = 0
  private crlf = 0
  private minTsMs = Infinity
  private maxTsMs = -Infinity

  constructor(
    private readonly options: DecodeOptions,
    private readonly hooks: DecodeHooks,
  ) {
    this.arena = hooks.kernel.arena
    this.latestMs = options.nowMs + DAY_MS
    this.maxLineBytes = options.maxLineBytes ?? MAX_LINE_BYTES
    this.reader = new CarefulReader(this.latestMs, options.acceptFuture)
    this.salvage = new Salvage(this.reader)
  }

  /** Decodes one file to its end. Throws what `full` throws. */
  async decodeFile(open: OpenWalFile): Promise<FileCounts> {
    this.begin(open.file)
    let offset = 0
    for await (const chunk of open.chunks)
      for (const piece of this.withinInput(chunk)) {
        await this.piece(piece, offset)
        offset += piece.length
      }
    if (this.line.isOpen) await this.endLine(false)
    return this.finish(offset)
  }

  /** Fields that records have and we do not know, with the number of records. */
  unknownFields(): { name: string; count: number }[] {
    return this.notes.unknown()
  }

  /** Optional fields that records lack, with the number of records that took the default. */
  missingFields(): { name: string; count: number }[] {
    for (const { mask, records } of this.hooks.kernel.takeMissing()) this.notes.lacks(mask, records)
    return this.notes.missing()
  }

  private begin(file: WalFile): void {
    const { checkpoint } = file
    this.file = file
    this.rejects = new Rejects(file, (entry) => this.hooks.quarantine(entry))
    const behind = checkpoint.state === 'at' ? checkpoint.offset : 0
    this.batch = new CandidateBatch(file.kind === 'corrupt' ? 0 : file.candidateBatch, behind)
    this.acknowledged = file.kind === 'corrupt' || checkpoint.state !== 'at' ? 0 : checkpoint.offset
    this.origin = this.options.origins?.[file.index] ?? 0
    this.line = new OpenLine(this.maxLineBytes, this.rejects)
    this.lines = noLines()
    this.decoded = this.repaired = this.salvaged = this.future = this.crlf = 0
    this.minTsMs = Infinity
    this.maxTsMs = -Infinity
  }

  private finish(bytes: number): FileCounts {
    const { lines } = this
    const aside = this.file.kind === 'corrupt' ? lines.quarantined + lines.tornTails : 0
    const warnings: Warning[] = []
    const warn = (name: string, message: string, count: number) => {
      if (count > 0) warnings.push({ class: name, message, path: this.file.path, count })
    }
    warn('existing_quarantine_lines', 'lines that obleth had set aside give no record', aside)
    if (this.file.kind !== 'corrupt') warn('torn_tail', 'the file ends within a record', lines.tornTails)
    warn('repaired_null', 'records with null in a number that may not be null: read as 0', this.repaired)
    warn('salvaged', 'records taken from lines that obleth itself would reject', this.salvaged)
    warn('future', 'records more than a day in the future', this.future)
    warn('crlf', 'lines that end in CR LF', this.crlf)
    if (this.line.bom)
      warnings.push({ class: 'bom', message: 'begins with a byte-order mark: ignored', path: this.file.path })
    return {
      lines,
      decoded: this.decoded,
      repaired: this.repaired,
      salvaged: this.salvaged,
      bytes,
      minTsMs: this.minTsMs === Infinity ? null : this.minTsMs,
      maxTsMs: this.maxTsMs === -Infinity ? null : this.maxTsMs,
      alreadyQuarantinedLines: aside,
      warnings,
    }
  }

  /** The chunk where the kernel can read it: as it is where it was read there, else copied there piece by piece. */
  private *withinInput(chunk: Uint8Array): Iterable<Uint8Array> {
    const { input } = this.hooks.kernel
    if (chunk.buffer === input.buffer) yield chunk
    else
      for (let at = 0; at < chunk.length; at += INPUT_BYTES) {
        const piece = chunk.subarray(at, at + INPUT_BYTES)
        input.set(piece)
        yield input.subarray(0, piece.length)
      }
  }

  /** Decodes what ends in this piece and keeps the beginning of the line that does not. `offset`: of its first byte. */
  private async piece(chunk: Uint8Array, offset: number): Promise<void> {
    let start = 0
    if (this.line.isOpen) {
      const end = chunk.indexOf(LF)
      await this.content(chunk, 0, end === -1 ? chunk.length : end, offset, false)
      if (end === -1) return
      await this.endLine(true)
      start = end + 1
    }
    const last = chunk.lastIndexOf(LF)
    if (last >= start) {
      await this.wholeLines(chunk, start, last + 1, offset)
      start = last + 1
    }
    if (start < chunk.length) {
      this.line.open(this.lines.read + 1, offset + start)
      await this.content(chunk, start, chunk.length, offset, false)
    }
  }

  private async wholeLines(bytes: Uint8Array, from: number, end: number, offset: number): Promise<void> {
    const { kernel } = this.hooks
    const base = bytes.byteOffset - kernel.input.byteOffset
    for (let start = from; start < end; ) {
      const first = this.arena.rows
      const scanned = kernel.scan(base + start, base + end, this.latestMs, this.maxLineBytes)
      this.acceptScanned(bytes, start, offset, first, scanned)
      start = scanned.at - base
      if (kernel.full) await this.hooks.full()
      else if (start < end) start = await this.carefulLine(bytes, start, offset)
    }
  }

  /** Reads the whole line at bytes[start], and returns where the next one starts. */
  private async carefulLine(bytes: Uint8Array, start: number, offset: number): Promise<number> {
    const lf = bytes.indexOf(LF, start)
    if (lf === start) {
      this.lines.read++
      this.lines.blank++
      this.batch.blankLine()
    } else {
      this.line.open(this.lines.read + 1, offset + start)
      await this.content(bytes, start, lf, offset, true)
      await this.endLine(true)
    }
    return lf + 1
  }

  /** More of the open line, without its LF; `whole` where it is all of it. */
  private async content(bytes: Uint8Array, start: number, end: number, offset: number, whole: boolean): Promise<void> {
    for (const stretch of this.line.take(bytes, start, end, offset, whole)) await this.stretch(stretch, true)
  }

  private async endLine(closed: boolean): Promise<void> {
    const { line } = this
    const rest = line.rest()
    if (rest !== null) await this.stretch(rest, closed)
    const { records, rejected, torn } = line.close()
    this.lines.read++
    if (records > 0) this.lines.withRecords++
    else if (torn) this.lines.tornTails++
    else if (rejected > 0) this.lines.quarantined++
    else {
      this.lines.blank++
      this.batch.blankLine()
    }
    if (rejected > 0) this.batch.close()
  }

  /** One stretch of the open line, free of NUL: usually all of it. `closed`: something stands behind it. */
  private async stretch(stretch: Piece, closed: boolean): Promise<void> {
    const { bytes, offset, line } = stretch
    let { start } = stretch
    const { end } = stretch
    if (offset === 0 && end - start >= BOM.length && BOM.every((byte, i) => bytes[start + i] === byte)) {
      start += BOM.length
      this.line.noteBom()
    }
    if (closed && end > start && bytes[end - 1] === CR) this.crlf++
    if (isBlank(bytes, start, end)) return
    const at = offset + (start - stretch.start)
    const reading = this.reader.read(bytes, start, end)
    if (reading === 'record' && this.reader.atEnd()) {
      const lineEnd = closed ? at + (end - start) + 1 : Infinity
      if (this.line.isCut) this.salvaged++
      await this.take(bytes, start, end, at - start, lineEnd, this.line.isPlain)
      return
    }
    const piece: Piece = { bytes, start, end, offset: at, line }
    for (const found of this.salvage.search(piece, closed)) {
      if (found.kind === 'record') {
        this.salvaged++
        this.batch.close()
        await this.take(bytes, found.start, found.end, at - start, Infinity, false)
      } else this.line.reject(bytes, found, at - start, line)
    }
  }

  /** A record that the careful reader has just read. `base`: offset of bytes[0]. `plain`: obleth reads this line, too. */
  private async take(
    bytes: Uint8Array,
    start: number,
    end: number,
    base: number,
    lineEnd: number,
    plain: boolean,
  ): Promise<void> {
    const { reader } = this
    reader.store(this.arena)
    this.hooks.kernel.digest(this.arena.rows)
    if (reader.nulls > 0) this.repaired++
    if (reader.future) this.future++
    this.notes.lacks(reader.missing)
    for (const name of reader.unknown) this.notes.hasUnknown(name)
    this.line.recordFound()
    this.accept(bytes, start, end, base, lineEnd, plain)
    if (this.hooks.kernel.full) await this.hooks.full()
  }

  /** Counts the records that the kernel put into rows from `first` on, whose lines begin at bytes[start]. */
  private acceptScanned(bytes: Uint8Array, start: number, offset: number, first: number, scanned: Scanned): void {
    const { arena } = this
    const { lineEnds } = this.hooks.kernel
    const read = arena.rows - first
    this.minTsMs = Math.min(this.minTsMs, scanned.minTsMs)
    this.maxTsMs = Math.max(this.maxTsMs, scanned.maxTsMs)
    arena.evidence.fill(0, first, arena.rows)
    arena.batch.fill(0, first, arena.rows)
    let lineStart = start
    for (let row = first; row < arena.rows && this.placeMatters(offset + lineStart); row++) {
      const lineEnd = lineEnds[row] - bytes.byteOffset
      this.mark(row, offset + lineStart, offset + lineEnd, true)
      this.tell(row, this.lines.read + 1 + row - first, offset + lineStart, bytes.subarray(lineStart, lineEnd - 1))
      lineStart = lineEnd
    }
    this.lines.read += read
    this.lines.withRecords += read
    this.decoded += read
  }

  /** Whether it matters where a record stands that begins at this offset of the file. */
  private placeMatters(offset: number): boolean {
    return offset < this.acknowledged || this.origin !== 0 || this.batch.isOpen || this.hooks.record !== undefined
  }

  /** Counts the record in row `arena.rows`, which stands in bytes[start, end), and marks what its place tells of it. */
  private accept(bytes: Uint8Array, start: number, end: number, base: number, lineEnd: number, plain: boolean): void {
    const row = this.arena.rows++
    const ts = this.arena.ts_ms[row]
    if (ts < this.minTsMs) this.minTsMs = ts
    if (ts > this.maxTsMs) this.maxTsMs = ts
    this.mark(row, base + start, lineEnd, plain)
    this.decoded++
    const line = this.line.isOpen ? this.line.number : this.lines.read
    this.tell(row, line, base + start, bytes.subarray(start, end))
  }

  /** `start`, `lineEnd`: offsets in the file of the record, and behind its line. */
  private mark(row: number, start: number, lineEnd: number, plain: boolean): void {
    const { evidence, batch } = this.arena
    evidence[row] = plain && lineEnd <= this.acknowledged ? EVIDENCE_ACKNOWLEDGED : 0
    if (this.origin !== 0) batch[row] = this.origin
    else batch[row] = plain && this.batch.isOpen ? this.batch.take(start, lineEnd) : 0
  }

  private tell(row: number, line: number, byteOffset: number, bytes: Uint8Array): void {
    this.hooks.record?.(this.file, this.arena, row, { line, byteOffset, bytes })
  }
}
