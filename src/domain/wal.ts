/** What the sources stage hands on: the files of WAL trees, and where each stretch of bytes came from. */

import type { S3Options } from './options.js'

/** legacy: one growing file; segment: `<20-digit ns>-<uuid>.jsonl`; corrupt: what obleth moved aside. */
export type WalFileKind = 'legacy' | 'segment' | 'corrupt'

/**
 * The file's `.offset`: bytes before it were acknowledged by the ledger of that time.
 * `unusable`: not a decimal number, or beyond the end of the file.
 */
export type Checkpoint =
  | { readonly state: 'none' }
  | { readonly state: 'at'; readonly offset: number }
  | { readonly state: 'unusable'; readonly reason: string }

export type Compression = 'none' | 'gzip' | 'zstd'

/** A stored file, as its kind of place finds it again. Plain data, so that it can be sent to a worker. */
export type Stored = LocalFile | S3Object | PodFile

/** A path is bytes: names need not be UTF-8. */
export interface LocalFile {
  readonly via: 'file'
  readonly path: Uint8Array
}

export interface S3Object {
  readonly via: 's3'
  readonly store: S3Options
  readonly bucket: string
  readonly key: string
  /** As listed: only this version of the object is read. */
  readonly etag: string
  readonly bytes: number
  /** Unix ms; 0 where the store does not tell. */
  readonly modifiedMs: number
}

/** A file in a pod, a container or a volume, read by commands that run there. */
export interface PodFile {
  readonly via: 'pod'
  /** The same for all files of a pod. */
  readonly shell: PodShell
  /** Absolute, within the pod. */
  readonly path: Uint8Array
  /** When it was found: no more of it is read. */
  readonly bytes: number
}

/** How commands are run in a pod. */
export interface PodShell {
  /** The program on this machine and its arguments, which those of the command follow. */
  readonly command: readonly string[]
  /** For people: `k8s://obleth/router-0`. */
  readonly place: string
  /** Longest silence, ms. */
  readonly timeoutMs: number
}

/** How to get at a file's bytes: in a stored file, or in the archive that it is. Plain data. */
export interface Locator {
  readonly stored: Stored
  /** Of the stored file. */
  readonly compression: Compression
  /** From the stored archive inwards; empty for a file that stands by itself. */
  readonly members: readonly Member[]
}

/** A member of an archive. */
export interface Member {
  /** Position in the archive, from 0, counting every header. */
  readonly number: number
  readonly compression: Compression
}

export interface WalFile {
  /** Position in the list of files, from 0. */
  readonly index: number
  /** The pod's name as far as the tree tells it, for people. */
  readonly pod: string
  /** Relative to the source's root; what is not UTF-8 is percent-encoded, with `pct:` in front. */
  readonly path: string
  readonly kind: WalFileKind
  /** Bytes when it was found; null where only reading tells (compressed). */
  readonly bytes: number | null
  /** Unix ms of its creation, from a segment's name; null for others. */
  readonly createdMs: number | null
  readonly checkpoint: Checkpoint
  /**
   * Where the file's first batch behind the checkpoint may have been committed without its checkpoint being written,
   * a number from 1 that names this batch; otherwise 0.
   */
  readonly candidateBatch: number
  /** Unix ms of the last change of the file or its checkpoint; 0 where its place does not tell. */
  readonly modifiedMs: number
  /** Differs where the stored bytes may differ, as far as their place tells without reading them: size and time of change, or ETag. */
  readonly version: string
  readonly locator: Locator
}

/** Why a file gave less than it should have. */
export interface ReadProblem {
  readonly kind: 'vanished' | 'unreadable' | 'shrank' | 'truncated_archive' | 'corrupt_archive'
  /** A sentence for people, without path. */
  readonly reason: string
}

/** A file while it is read. */
export interface OpenWalFile {
  readonly file: WalFile
  /** Its bytes in order. Ends early, without throwing, where `problem()` says why. Buffers are valid until the next one is asked for. */
  readonly chunks: AsyncIterable<Uint8Array>
  /** Known once `chunks` has ended. */
  problem(): ReadProblem | null
  /** Bytes by which the file had grown beyond its size at discovery when it was read; known once `chunks` has ended. */
  grownBytes(): number
}

/** Why a stretch of bytes gave no record. */
export type QuarantineReason =
  | 'nul_bytes'
  | 'invalid_utf8'
  | 'json_syntax'
  | 'multiple_values'
  | 'not_object'
  | 'duplicate_key'
  | 'lone_surrogate'
  | 'missing_field'
  | 'null_value'
  | 'bad_uuid'
  | 'type_mismatch'
  | 'out_of_range'
  | 'non_finite'
  | 'ts_out_of_range'
  | 'ts_in_future'
  | 'oversize'
  | 'truncated_tail'
  | 'conflict'

/** One rejected stretch of bytes, as it stands in the quarantine file (JSONL). */
export interface QuarantineEntry {
  readonly pod: string
  readonly path: string
  /** From 1, counting LF. */
  readonly line: number
  readonly byteOffset: number
  readonly length: number
  /** Hex, of exactly the rejected bytes, also where `bytes` holds only their beginning. */
  readonly sha256: string
  readonly reason: QuarantineReason
  readonly detail: string
  /** Base64. An oversize stretch is cut to its first MiB. */
  readonly bytes: string
}

export interface Warning {
  readonly class: string
  readonly message: string
  readonly path?: string
  readonly line?: number
  readonly count?: number
}
