/** How `--memory` is divided in the order stage, all in bytes but the rows. */
export interface OrderBudget {
  /** Records of one arena, which become one block. */
  readonly arenaRows: number
  /** A string heap beyond this makes its arena count as full. */
  readonly heapBytes: number
  /** About the most bytes of one block. */
  readonly blockBytes: number
  readonly idTableBytes: number
  /** Records gathered of each range before they are written to its spill file. */
  readonly spillRows: number
}

const MIB = 1 << 20
/** A record in an arena, its sort key, and its bytes in the block. */
const BYTES_PER_ROW = 700
const MOST_ROWS = 65_536
const FEWEST_ROWS = 4096
/**
 * What is needed however little is given: the tally's sums (11 MiB), the decoder's buffers, those of up to sixteen
 * spilled ranges, and the engine's own garbage.
 */
const FIXED_BYTES = 48 * MIB

/**
 * An eighth goes to the arena and its block, a sixteenth each to its texts and to what a block may grow by repeating
 * them, and half of what lies above the fixed needs to the ids, at least an eighth of all; the rest is for spilling and
 * as a margin. Larger blocks than 65,536 rows brought nothing. 64 MiB hold 250,000 ids, 1 GiB 15 million.
 */
export function orderBudget(memoryBytes: number): OrderBudget {
  const arenaRows = Math.max(FEWEST_ROWS, Math.min(MOST_ROWS, Math.floor(memoryBytes / 8 / BYTES_PER_ROW)))
  return {
    arenaRows,
    heapBytes: Math.max(MIB, Math.floor(memoryBytes / 16)),
    blockBytes: Math.max(4 * MIB, Math.floor(memoryBytes / 16)),
    idTableBytes: Math.floor(Math.max(memoryBytes / 8, (memoryBytes - FIXED_BYTES) / 2)),
    spillRows: Math.max(256, Math.min(4096, Math.floor(memoryBytes / 64 / BYTES_PER_ROW))),
  }
}
