import type { LineCounts } from '../domain/counts.js'
import type { ErrorCode } from '../domain/errors.js'
import type { FieldName } from '../domain/record.js'
import type { TallyData } from '../domain/tally.js'
import type { WalFile, Warning } from '../domain/wal.js'

/** What the decode thread is told to do; plain data. */
export interface DecodeTask {
  readonly files: readonly WalFile[]
  readonly spoolDir: string
  readonly quarantinePath: string
  readonly columns: readonly FieldName[]
  readonly sinceMs: number | undefined
  readonly untilMs: number | undefined
  readonly tenants: readonly string[]
  readonly dropBeforeMs: number | undefined
  readonly memoryBytes: number
  readonly nowMs: number
  readonly acceptFuture: boolean
  /** False where only counts are wanted. */
  readonly encode: boolean
  /** Ids known to come with different values, four words each. */
  readonly conflictIds: Uint32Array
  /** A number from 1 for each file: the evidence of its records names it in place of a batch. Null in a replay. */
  readonly origins: Uint32Array | null
}

/** Blocks on their way at once: enough to keep the ledger busy while the next one is made, few enough for the disk. */
export const MOST_OUTSTANDING = 3

/** A file of Native-format blocks in the spool directory; it holds another block once this one is taken. */
export interface SpooledFile {
  readonly file: string
  readonly bytes: number
  readonly rows: number
}

export interface PodCounts {
  pod: string
  files: number
  bytes: number
  records: number
  firstMs: number | null
  lastMs: number | null
  damage: number
  /** Of stretches that could not be used; torn tails and `.corrupt` files not counted. */
  quarantinedBytes: number
}

export interface DecodeResult {
  readonly lines: LineCounts
  /** Lines of `.corrupt` files that obleth had set aside and that give no record. */
  readonly alreadyQuarantinedLines: number
  readonly decoded: number
  readonly repaired: number
  readonly salvaged: number
  readonly duplicates: number
  readonly conflicts: number
  readonly filteredOut: number
  readonly expired: number
  /** Records handed on, each id once. */
  readonly sent: number
  readonly bytes: number
  /** Stretches that could not be used; torn tails and `.corrupt` files not counted. */
  readonly unusable: number
  /** Entries of the quarantine file, earlier runs' included. */
  readonly quarantineEntries: number
  /** Ids seen with different values that were not known before: the files must be decoded again with them. */
  readonly newConflictIds: Uint32Array
  readonly minTsMs: number | null
  readonly maxTsMs: number | null
  readonly spilledRows: number
  readonly unknownFields: readonly { name: string; count: number }[]
  readonly warnings: readonly Warning[]
  readonly unreadable: readonly { path: string; reason: string }[]
  /** Pods whose files grew while they were read. */
  readonly growing: readonly string[]
  readonly pods: readonly PodCounts[]
  readonly tenants: readonly { tenantId: string; records: number }[]
  readonly tally: TallyData
  /** Of `decodeMs`: waiting for bytes of the sources. */
  readonly readMs: number
  readonly decodeMs: number
  readonly orderMs: number
}

export type FromDecoder =
  | {
      readonly type: 'block'
      readonly number: number
      readonly data: SpooledFile | null
      readonly evidence: SpooledFile | null
    }
  | { readonly type: 'progress'; readonly bytes: number; readonly records: number }
  | { readonly type: 'done'; readonly result: DecodeResult }
  | { readonly type: 'failed'; readonly error: PlainError }

export type ToDecoder =
  | { readonly type: 'task'; readonly task: DecodeTask }
  | { readonly type: 'taken' }
  | { readonly type: 'stop' }

/** An error on its way between threads, where classes are lost. */
export interface PlainError {
  readonly code: ErrorCode | null
  readonly message: string
  readonly place: string | undefined
  readonly hint: string | undefined
}
