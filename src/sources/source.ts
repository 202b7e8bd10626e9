import type { Locator, ReadProblem, Warning } from '../domain/wal.js'

/** A file that a source holds, before it is known what it is. Names and paths are bytes: they need not be UTF-8. */
export interface FoundFile {
  /** Path below the source's root, components joined by `/`. */
  readonly path: Buffer
  /** Bytes as stored; null where only reading tells what the content is. */
  readonly bytes: number | null
  /** Bytes that it takes up where it is stored. */
  readonly storedBytes: number
  /** Unix ms of the last change, null where unknown. */
  readonly modifiedMs: number | null
  readonly locator: Locator
  /** The content of a sidecar (`.offset`); undefined for all other files. */
  readonly sidecar?: string
}

/** What one source gave at discovery. */
export interface Listing {
  readonly files: FoundFile[]
  readonly unreadable: { path: string; reason: string }[]
  readonly warnings: Warning[]
  /** Files and folders passed over because they are read already, under this name or another. */
  repeated: number
}

export const emptyListing = (): Listing => ({ files: [], unreadable: [], warnings: [], repeated: 0 })

/** Pieces of one file; `problem` is set once they have ended where they ended early. */
export interface Content {
  readonly chunks: AsyncIterable<Uint8Array>
  problem(): ReadProblem | null
  grownBytes(): number
}

/** Small enough to be read whole at discovery. */
export const MAX_SIDECAR_BYTES = 256

/** Size of the pieces that files are read in. */
export const CHUNK_BYTES = 1 << 20
