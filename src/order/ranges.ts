import type { RecordArena } from '../domain/arena.js'
import { KnownCodes } from './arena-copy.js'
import { SpillRange } from './spill.js'

/** Ids fall into ranges by the high bits of their hash. */
const RANGE_BITS = 12
export const RANGES = 1 << RANGE_BITS
/** Each range on disk has buffers in memory. */
const MOST_SHARES = 16

export const rangeOf = (hash: number): number => hash >>> (32 - RANGE_BITS)

/** The stretches of ranges that were put aside, each with its files. */
export class SpilledRanges {
  private readonly waiting: SpillRange[] = []
  private readonly owners = new Array<SpillRange | undefined>(RANGES)
  /** Most ranges of a stretch. */
  private readonly width: number

  /**
   * `arenaRows`: records gathered of each stretch before they are written. `shares`: about how many times the table of
   * ids would be filled by all there is; stretches are made no longer than one of them, so that what was written once
   * need not be written again.
   */
  constructor(
    private readonly dir: string,
    private readonly arenaRows: number,
    shares: number,
  ) {
    const cuts = Math.min(MOST_SHARES, Math.max(1, 2 ** Math.ceil(Math.log2(Math.max(1, shares)))))
    this.width = RANGES / cuts
  }

  /** Puts the ranges [low, high) aside, which have no owner yet. */
  add(low: number, high: number): void {
    for (let from = low; from < high; from += this.width) {
      const to = Math.min(from + this.width, high)
      const range = new SpillRange(this.dir, from, to, this.arenaRows)
      this.waiting.push(range)
      this.owners.fill(range, from, to)
    }
  }

  /** Where an id with this hash waits, which must be put aside. */
  of(hash: number): SpillRange {
    const owner = this.owners[rangeOf(hash)]
    if (owner === undefined) throw new Error(`range ${rangeOf(hash)} is not put aside`)
    return owner
  }

  /** Takes the picked rows of an arena over, before it is used again. */
  takePicked(arena: RecordArena): void {
    if (this.waiting.length === 0) return
    const known = new KnownCodes(arena)
    for (const range of this.waiting) range.takePicked(arena, known)
  }

  /** Hands a stretch out; it is its receiver's from then on. */
  next(): SpillRange | undefined {
    const range = this.waiting.pop()
    if (range !== undefined) this.owners.fill(undefined, range.low, range.high)
    return range
  }

  remove(): void {
    for (const range of this.waiting) range.remove()
    this.waiting.length = 0
  }
}
