import type { S3Options } from '../domain/options.js'
import type { Locator, ReadProblem, Stored, Warning } from '../domain/wal.js'
import type { Limit } from './limit.js'
import { displayPath } from './names.js'

/** What all sources of one discovery share. */
export interface Search {
  readonly limit: Limit
  readonly s3: S3Options
  /** Files and folders already met, by device and inode, so that links and repeated arguments are read once. */
  readonly seen: Set<string>
  readonly signal: AbortSignal | undefined
}

/** A checkpoint as it stands in its file; `text` is null where that cannot be read. */
export type Sidecar =
  | { readonly path: Buffer; readonly text: string }
  | { readonly path: Buffer; readonly text: null; readonly reason: string }

/** A file that a source holds, before it is known which pod it belongs to. Names and paths are bytes: they need not be UTF-8. */
export interface FoundFile {
  /** Path below the source's root, components joined by `/`. */
  readonly path: Buffer
  readonly role: 'legacy' | 'segment' | 'corrupt' | 'archive'
  /** Bytes of content; null where only reading tells. */
  readonly bytes: number | null
  /** Bytes that it takes up where it is stored. */
  readonly storedBytes: number
  /** Unix ms of the last change of the file or its checkpoint. */
  readonly modifiedMs: number
  /** As in WalFile. */
  readonly version: string
  readonly locator: Locator
  /** Read before the file's size was taken, so that it never claims more than is read. */
  readonly checkpoint?: Sidecar
}

/**
 * A kind of place that WAL files lie in: the port of all sources, archives within them left to what stands before it. The
 * suite in `test/contract` is run for every kind, and each stands in `places.ts`.
 */
export interface Place<S extends Stored = Stored> {
  /**
   * Finds what a source argument names. Asked once for each argument of a run; to ask again does no harm. What is there and
   * cannot be read is listed as unreadable. Throws `source_not_found` where there is nothing, `access_denied`,
   * `source_unreachable` or `source_failed` where nothing can be told of the argument as a whole.
   */
  list(argument: string, search: Search): Promise<Found>
  /**
   * The bytes of a stored file from an offset to its end. Each piece is valid until the next is asked for. Throws, when it
   * is read, ReadFailure or an error that `problemOf` explains, or a LedgerError where it is not this file alone that cannot
   * be had; what could be read has been delivered by then. To leave it early gives back what it holds.
   * @param buffer that pieces may be put in, where the place has no memory of its own for them
   */
  open(stored: S, offset: number, buffer?: Buffer<ArrayBuffer>): AsyncIterable<Uint8Array>
  /** Files that are opened before they are wanted, since their first bytes take a while to come. */
  readonly openedAhead: number
  /**
   * Gives back what is kept open from one file to the next; what is being read then fails with the reason. Called once
   * nothing is wanted any more, and by whoever cannot wait for that.
   */
  release?(reason: unknown): void
}

/** What a source argument led to. */
export interface Found {
  readonly listed: Listed[]
  /** What a pattern could not look into. */
  readonly unreadable: { path: string; reason: string }[]
  /** Pods that the place itself knows of, whether their files could be listed or not; not set where only files tell of pods. */
  readonly pods?: readonly { readonly pod: string; readonly listed: boolean }[]
}

/** A folder or file that a source argument led to. */
export interface Listed {
  readonly listing: Listing
  /** Absolute: the folder that the paths in the listing start from. */
  readonly root: string
  /** The pod of files that stand there. */
  readonly fallbackPod: string
  /** Why the pods of these files are known to be running; not set where that can only be guessed. */
  readonly running?: string | undefined
  /** True for a file that is there and is nothing to read, such as a sidecar. */
  readonly passedOver: boolean
}

/** What one folder, file or archive holds. Nothing is thrown for what it holds or lacks. */
export interface Listing {
  /** In a settled order: by path, or as they stand in an archive. */
  readonly files: FoundFile[]
  readonly unreadable: { path: string; reason: string }[]
  readonly warnings: Warning[]
  /** Paths of checkpoints that were being written. */
  readonly unfinished: Buffer[]
  /** Files and folders passed over because they are read already, under this name or another. */
  repeated: number
  /** True where a folder of segments was met, even an empty one: a pod that has drained. */
  segments: boolean
}

/** A listing with what is needed to name its pods. */
export interface Held {
  readonly listing: Listing
  readonly holder: {
    /** Absolute path of the folder that the paths start from. */
    readonly root: string
    /** The archive that holds the files. */
    readonly archive: ArchivePath | null
    /** Pod of files that stand at the root of a folder. */
    readonly fallbackPod: string
    /** As in Listed. */
    readonly running?: string | undefined
  }
}

/** Paths of an archive, below the source's root. */
export interface ArchivePath {
  /** Through the archives that hold it. */
  readonly path: Buffer
  /** The folder that it stands in, names of archives left out: where its pods stand. */
  readonly folder: Buffer
  /** Pod of files that stand in no folder of their own. */
  readonly pod: Buffer
}

export const emptyListing = (): Listing => ({
  files: [],
  unreadable: [],
  warnings: [],
  unfinished: [],
  repeated: 0,
  segments: false,
})

/** Why something was passed over or is missing, for people. */
export const NO_FILE = 'neither file nor folder: skipped'
export const HALF_MADE = 'a bundle that is half made: run its collect again, then this command'
export const PACKED = 'packed in a way that is not read here: unpack it, or pack it with gzip or zstd'

/** One note for all files that nobody would take for a WAL, so that a WAL under an odd name is not left out in silence. */
export function notWal(others: readonly Buffer[]): Warning[] {
  if (others.length === 0) return []
  const first = others.reduce((a, b) => (Buffer.compare(b, a) < 0 ? b : a))
  const message = 'no WAL by its name, left out: name it as a source if it is one'
  return [{ class: 'not_wal', message, path: displayPath(first), count: others.length }]
}

/** Pieces of one file; `problem` is set once they have ended where they ended early. */
export interface Content {
  readonly chunks: AsyncIterable<Uint8Array>
  problem(): ReadProblem | null
  grownBytes(): number
}

/** A checkpoint is a decimal number: as much of it is looked at. */
export const MAX_SIDECAR_BYTES = 256

/** Size of the pieces that files are read in. */
export const CHUNK_BYTES = 1 << 20
