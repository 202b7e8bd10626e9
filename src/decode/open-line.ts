import type { QuarantineReason } from '../domain/wal.js'
import { indexOfByte, NUL } from './bytes.js'
import type { RejectedStretch, Rejects } from './rejects.js'
import type { Piece } from './salvage.js'

const FIRST_BYTES = 1 << 16
/** Most files are read in one piece, and nothing is kept of their lines. */
const NOTHING = Buffer.alloc(0)

/**
 * The line that is being read carefully, as it comes in pieces. NUL bytes never belong to a record: a run of them is
 * rejected as one stretch, however long, and cuts the line. What is left without NUL is kept until the line ends, up to
 * the longest line allowed; beyond that it is rejected as it streams by.
 */
export class OpenLine {
  isOpen = false
  /** From 1. */
  number = 0
  /** The file begins with a byte-order mark. */
  bom = false
  private kept = NOTHING
  private keptLength = 0
  private keptOffset = 0
  private nuls: RejectedStretch | null = null
  private oversize: RejectedStretch | null = null
  private records = 0
  private rejected = 0
  private torn = false
  private marked = false
  /** NUL bytes cut the line: obleth cannot read it. */
  isCut = false

  constructor(
    private readonly maxBytes: number,
    private readonly rejects: Rejects,
  ) {}

  open(number: number, offset: number): void {
    this.isOpen = true
    this.number = number
    this.keptLength = 0
    this.keptOffset = offset
    this.records = 0
    this.rejected = 0
    this.torn = false
    this.marked = false
    this.isCut = false
  }

  /** True while nothing was left out of the line: obleth would see just this. */
  get isPlain(): boolean {
    return this.rejected === 0 && !this.marked && !this.isCut
  }

  noteBom(): void {
    this.bom = true
    this.marked = true
  }

  recordFound(): void {
    this.records++
  }

  /** Rejects bytes[start, end) of a piece; `base` is the offset of bytes[0] in the file. */
  reject(
    bytes: Uint8Array,
    range: { readonly start: number; readonly end: number; readonly reason: QuarantineReason; readonly detail: string },
    base: number,
    line: number,
  ): void {
    this.rejected++
    if (range.reason === 'truncated_tail') this.torn = true
    this.rejects.whole(bytes.subarray(range.start, range.end), line, base + range.start, range.reason, range.detail)
  }

  /**
   * More of the line, without its LF; yields the stretches that are complete by it. `whole`: all of it, so that it need
   * not be copied where it holds no NUL.
   */
  *take(bytes: Uint8Array, start: number, end: number, base: number, whole: boolean): Iterable<Piece> {
    if (whole && end - start <= this.maxBytes && indexOfByte(bytes, NUL, start, end) === -1) {
      yield { bytes, start, end, offset: base + start, line: this.number }
      return
    }
    for (let at = start; at < end; ) {
      if (this.oversize === null && bytes[at] === NUL) {
        this.isCut = true
        const rest = this.rest()
        if (rest !== null) yield rest
        let stop = at + 1
        while (stop < end && bytes[stop] === NUL) stop++
        this.nuls ??= this.rejects.begin(this.number, base + at)
        this.nuls.add(bytes.subarray(at, stop))
        at = stop
        continue
      }
      this.endNuls()
      const nul = this.oversize === null ? indexOfByte(bytes, NUL, at, end) : -1
      const stop = nul === -1 ? end : nul
      this.keep(bytes, at, stop, base)
      at = stop
    }
  }

  /** The stretch that was kept, or null. To be used before more is taken. */
  rest(): Piece | null {
    if (this.oversize !== null) {
      this.oversize.end('oversize', `longer than ${this.maxBytes} bytes`)
      this.oversize = null
      this.rejected++
      return null
    }
    if (this.keptLength === 0) return null
    const piece = { bytes: this.kept, start: 0, end: this.keptLength, offset: this.keptOffset, line: this.number }
    this.keptLength = 0
    return piece
  }

  /** What became of the line. */
  close(): { records: number; rejected: number; torn: boolean } {
    this.endNuls()
    this.isOpen = false
    if (this.kept.length > FIRST_BYTES * 16) this.kept = NOTHING
    return { records: this.records, rejected: this.rejected, torn: this.torn }
  }

  private endNuls(): void {
    if (this.nuls === null) return
    this.nuls.end('nul_bytes', `${this.nuls.length} NUL bytes`)
    this.nuls = null
    this.rejected++
  }

  private keep(bytes: Uint8Array, start: number, end: number, base: number): void {
    if (this.keptLength === 0 && this.oversize === null) this.keptOffset = base + start
    const length = this.keptLength + (end - start)
    if (this.oversize === null && length > this.maxBytes) {
      this.oversize = this.rejects.begin(this.number, this.keptOffset)
      this.oversize.add(this.kept.subarray(0, this.keptLength))
      this.keptLength = 0
    }
    if (this.oversize !== null) {
      this.oversize.add(bytes.subarray(start, end))
      return
    }
    if (length > this.kept.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.kept.length * 2, length, FIRST_BYTES))
      this.kept.copy(larger, 0, 0, this.keptLength)
      this.kept = larger
    }
    this.kept.set(bytes.subarray(start, end), this.keptLength)
    this.keptLength = length
  }
}
