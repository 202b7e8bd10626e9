import type { ServerSideEncryption } from '../../domain/options.js'

/** A file as a storage lists it. */
export interface StoredFile {
  /** Below the storage's place, parts joined by `/`. */
  readonly path: string
  readonly bytes: number
  /** Unix ms of its last change. */
  readonly modifiedMs: number
}

/**
 * Where backups are kept: a folder, or a prefix of a bucket. Paths are relative, made by this tool from safe characters, and
 * checked with `assertPath` where they come from a manifest. The suite in `test/contract/storage.test.ts` is run for each kind.
 */
export interface Storage {
  /** For people: an absolute folder, or `s3://bucket/prefix/`. */
  readonly place: string
  /** What it does to all that is written, where it was asked to; null where it was not, or is a folder. */
  readonly encryption: ServerSideEncryption | null
  /**
   * Writes a file as its bytes come: it is there whole, or not at all. Throws `refused` where another one is there
   * already, `disk_full`, `access_denied`, `target_unreachable`, and what the bytes' maker throws.
   */
  write(path: string, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>
  /** A file's bytes from its beginning. Throws `source_not_found` where it is missing. */
  read(path: string, signal: AbortSignal): AsyncIterable<Uint8Array>
  /** Every file whose path begins so, by path. Nothing where there is none. What a write left that was killed counts too: it
   * takes room, and is to be removed. */
  list(prefix: string, signal: AbortSignal): AsyncIterable<StoredFile>
  /**
   * Gives back what a killed process had written below a prefix and is no file, so that `list` does not show it. Only for
   * what nobody is writing to.
   */
  abandon(prefix: string, signal: AbortSignal): Promise<void>
  /** Removes a file; to remove it again does no harm. */
  remove(path: string, signal: AbortSignal): Promise<void>
}
