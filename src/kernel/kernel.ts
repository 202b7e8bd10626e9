import { RecordArena } from '../domain/arena.js'
import { FIELDS, MAX_LINE_BYTES, MAX_TS_MS, MIN_TS_MS } from '../domain/record.js'
import { TALLY_BUCKETS, TALLY_WORDS } from '../domain/tally.js'
import { type KernelExports, newKernel } from './exports.js'
import { KernelTexts } from './kernel-texts.js'
import { Regions } from './regions.js'

export interface KernelOptions {
  /** Most records of its arena. */
  readonly rows: number
  /** Bytes of texts beyond which the arena counts as full. */
  readonly heapBytes: number
  /** About the most bytes of one block. */
  readonly blockBytes: number
}

/** What may be scanned at once, bytes. */
export const INPUT_BYTES = 1 << 20
/** Distinct texts of a row, and how many an arena takes for each of its rows. */
const TEXTS_PER_ROW = FIELDS.filter(({ kind }) => kind === 'string').length
const ROOM_PER_ROW = 4
/** A block's row without its texts, and its header. */
const BLOCK_ROW_BYTES = 256
const BLOCK_HEAD_BYTES = 4096
/** The optional fields, in the order of the bits by which the kernel counts what records lack. */
const OPTIONAL = FIELDS.flatMap(({ absent }, index) => (absent === undefined ? [] : [index]))

/** What a call of `scan` did. */
export interface Scanned {
  /** Position in `input` of the first line that was not taken, or the end. */
  readonly at: number
  /** Of the records taken, unix ms; Infinity and -Infinity where there were none. */
  readonly minTsMs: number
  readonly maxTsMs: number
}

/**
 * What has to be done for every record, done in WebAssembly: scanning lines, digests, sums, gathering columns into blocks.
 * The kernel works on an arena in its own memory; JavaScript sees the same memory through typed arrays and does the rest.
 */
export class Kernel {
  readonly arena: RecordArena
  /** Lines to be scanned stand here; bytes are best read to it straight away. */
  readonly input: Buffer<ArrayBuffer>
  /** Where in `input` the line of each row ends, behind its LF; of the rows that the last `scan` added. */
  readonly lineEnds: Uint32Array
  /** Room for one block. */
  readonly block: Buffer<ArrayBuffer>
  /** Rows and sums of every bucket (see tallyOf). */
  readonly sums: Uint32Array
  private readonly exports: KernelExports
  private readonly texts: KernelTexts
  private readonly order: Uint32Array
  private readonly missingCounts: Uint32Array

  constructor({ rows, heapBytes, blockBytes }: KernelOptions) {
    const kernel = newKernel()
    const mostTexts = ROOM_PER_ROW * rows
    const sizes = {
      rows,
      texts: mostTexts + TEXTS_PER_ROW + 1,
      slots: 2 ** Math.ceil(Math.log2(mostTexts * 2)),
      heapBytes: heapBytes + MAX_LINE_BYTES,
      inputBytes: INPUT_BYTES,
      blockBytes: Math.max(blockBytes, MAX_LINE_BYTES) + rows * BLOCK_ROW_BYTES + BLOCK_HEAD_BYTES,
    }
    const regions = new Regions(kernel, sizes)
    this.exports = kernel
    this.texts = new KernelTexts(kernel, regions, sizes.texts, sizes.heapBytes)
    this.arena = new RecordArena(rows, {
      column: (name, Type, length) => (regions.has(name) ? regions.view(name, Type, length) : new Type(length)),
      strings: this.texts,
    })
    this.input = regions.buffer('input', sizes.inputBytes)
    this.lineEnds = regions.view('line_end', Uint32Array, rows)
    this.block = regions.buffer('block', sizes.blockBytes)
    this.sums = regions.view('tally', Uint32Array, TALLY_BUCKETS * TALLY_WORDS)
    this.order = regions.view('order', Uint32Array, rows)
    this.missingCounts = new Uint32Array(kernel.memory.buffer, kernel.MISSING.value, 2 ** OPTIONAL.length)
    kernel.openTexts(sizes.slots)
    kernel.limit(rows, mostTexts, heapBytes, MIN_TS_MS, MAX_TS_MS)
  }

  /** True where one more record might not find room in the arena. */
  get full(): boolean {
    const { rows, capacity } = this.arena
    return rows === capacity || this.exports.isFull() !== 0
  }

  /** True where the rows of another arena find room in this one. */
  hasRoomFor({ rows, strings }: RecordArena): boolean {
    const { arena, texts } = this
    return (
      arena.rows + rows <= arena.capacity &&
      texts.count + strings.count < texts.starts.length &&
      texts.heapUsed + strings.heapUsed <= texts.heapRoom
    )
  }

  /**
   * Reads lines of input[from, end), whose last byte is LF, into the arena: until one is not exactly as obleth's serde_json
   * writes it, is longer than `mostBytes`, has a time later than `latestMs`, or the arena is full.
   */
  scan(from: number, end: number, latestMs: number, mostBytes: number): Scanned {
    const { exports, input, arena } = this
    exports.setRows(arena.rows)
    const at = exports.scan(input.byteOffset + from, input.byteOffset + end, latestMs, mostBytes) - input.byteOffset
    arena.rows = exports.rows.value
    return { at, minTsMs: exports.minTime.value, maxTsMs: exports.maxTime.value }
  }

  /** Works the digest of a row out that was put into the arena by other means. */
  digest(row: number): void {
    this.exports.digest(row)
  }

  /** Which optional fields scanned records lacked since the last call: masks of bits by position in FIELDS, and counts. */
  takeMissing(): { mask: number; records: number }[] {
    const found: { mask: number; records: number }[] = []
    this.missingCounts.forEach((records, bits) => {
      if (records === 0) return
      const mask = OPTIONAL.reduce((sum, index, bit) => ((bits & (1 << bit)) === 0 ? sum : sum | (1 << index)), 0)
      found.push({ mask, records })
    })
    this.missingCounts.fill(0)
    return found
  }

  /** Adds rows of the arena to the sums. */
  addToSums(rows: Uint32Array): void {
    this.exports.addRows(this.put(rows), rows.length)
  }

  /** What rows have in a column, as bytes at block[to]; returns the place behind them. `width`: bytes of a row there. */
  gather(column: { readonly byteOffset: number }, width: 2 | 4 | 8 | 16, rows: Uint32Array, to: number): number {
    this.exports[`gather${width}`](column.byteOffset, this.put(rows), rows.length, this.block.byteOffset + to)
    return to + rows.length * width
  }

  /** The same of a column of doubles that hold integers, as 64-bit integers. */
  gatherIntegers(column: Float64Array, rows: Uint32Array, to: number): number {
    this.exports.gatherIntegers(column.byteOffset, this.put(rows), rows.length, this.block.byteOffset + to)
    return to + rows.length * 8
  }

  /** The same of a column of texts, each behind its length as a varint. */
  gatherTexts(column: Uint32Array, rows: Uint32Array, to: number): number {
    const { byteOffset } = this.block
    return this.exports.gatherTexts(column.byteOffset, this.put(rows), rows.length, byteOffset + to) - byteOffset
  }

  /** Row numbers where the kernel can see them. */
  private put(rows: Uint32Array): number {
    this.order.set(rows)
    return this.order.byteOffset
  }
}
