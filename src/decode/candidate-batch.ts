import { BATCH_MAX_BYTES, BATCH_MAX_RECORDS } from '../domain/record.js'

/**
 * Follows obleth's own cut of the first batch behind a checkpoint: it ends at a blank line, after 500 records, or with
 * the last line that ends within 1 MiB, and a line that obleth cannot read ends it too (source: `next_batch` in obleth's
 * `wal.rs`; blank lines between batches came later).
 */
export class CandidateBatch {
  isOpen: boolean
  private records = 0

  constructor(
    /** 0 where the file has no such batch. */
    private readonly number: number,
    /** Offset of the checkpoint, bytes. */
    private readonly from: number,
  ) {
    this.isOpen = number !== 0
  }

  /** The batch number of a record whose line lies in [start, end) of the file; 0 where it is not in the batch. */
  take(start: number, end: number): number {
    if (start < this.from) return 0
    if (this.records === BATCH_MAX_RECORDS || end > this.from + BATCH_MAX_BYTES) {
      // A last line without LF belongs to the batch where the file ends within it.
      if (end !== Infinity || this.records === BATCH_MAX_RECORDS || start >= this.from + BATCH_MAX_BYTES) {
        this.isOpen = false
        return 0
      }
    }
    this.records++
    return this.number
  }

  blankLine(): void {
    if (this.records > 0) this.isOpen = false
  }

  /** A line that obleth cannot read, in or before the batch. */
  close(): void {
    if (this.records > 0) this.isOpen = false
  }
}
