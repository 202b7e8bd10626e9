import type { RecordArena } from '../domain/arena.js'
import type { LineCounts } from '../domain/counts.js'
import type { QuarantineEntry, WalFile, Warning } from '../domain/wal.js'
import type { Kernel } from '../kernel/index.js'

export interface DecodeHooks {
  /** Its arena is filled. */
  readonly kernel: Kernel
  /** Takes what is in the arena, and leaves it empty. */
  full(): Promise<void>
  quarantine(entry: QuarantineEntry): void
  /** Called for each record with its own bytes and place, where somebody wants to know. */
  record?(file: WalFile, arena: RecordArena, row: number, place: RecordPlace): void
}

export interface RecordPlace {
  /** From 1, counting LF. */
  readonly line: number
  readonly byteOffset: number
  /** Valid during the call. */
  readonly bytes: Uint8Array
}

export interface DecodeOptions {
  /** Unix ms; records more than a day later are rejected unless `acceptFuture`. */
  readonly nowMs: number
  readonly acceptFuture: boolean
  /** Longest line that is decoded, bytes. */
  readonly maxLineBytes?: number
  /** A number from 1 for each file, by its index, which its records hold in place of a candidate batch; null for none. */
  readonly origins?: Uint32Array | null
}

export interface FileCounts {
  readonly lines: LineCounts
  readonly decoded: number
  readonly repaired: number
  readonly salvaged: number
  readonly bytes: number
  readonly minTsMs: number | null
  readonly maxTsMs: number | null
  /** Lines of a `.corrupt` file that give no record: obleth had set them aside already. */
  readonly alreadyQuarantinedLines: number
  readonly warnings: Warning[]
}
