import type { Warning } from '../domain/wal.js'

/** A file as it is kept in a bundle's place. */
export interface Kept {
  readonly bytes: number
  /** Differs where the content differs, as far as the place tells without reading it; empty where it does not. */
  readonly tag: string
}

/** A content in a file of this machine, until it is known where in the bundle it belongs. */
export interface Received {
  readonly file: string
  readonly bytes: number
  /** Hex. */
  readonly sha256: string
}

export interface StoreLock {
  /** What could not be tidied up. */
  readonly warnings: readonly Warning[]
  /** Throws `target_locked` where another process has taken the bundle over. */
  assertHeld(): Promise<void>
  release(): Promise<void>
}

/**
 * Where a bundle is kept: the port of all targets of `collect`. Paths are relative, their components joined by `/`, as
 * the manifest has them. What a method has written is safe when it returns, and is there whole or not at all. All but
 * `list`, `read` and `isBundle` are for the process that holds the lock; each may be called again after it has failed. They
 * throw LedgerErrors: `target_unreachable`, `access_denied`, `disk_full`, `source_not_found` for a bucket that is not
 * there. The suite `test/contract/bundle-stores.test.ts` is run for every kind.
 */
export interface BundleStore {
  /** As `--to` names it, the same in every working directory. */
  readonly place: string
  /** Folder of this machine for contents that are on their way. It is there once the lock is held. */
  readonly spool: string

  /** Whether there is a bundle, whole or half made. */
  isBundle(): Promise<boolean>
  /** Every file, our own ones included; empty where nothing is. Throws `refused` for what is neither file nor folder. */
  list(): Promise<Map<string, Kept>>
  /** Bytes of a file as `list` found it; throws an error with a reason for people where they cannot be had. */
  read(path: string, kept: Kept): AsyncIterable<Uint8Array>

  /** Keeps other collects out, and removes what a process that was killed left half written. Throws `target_locked`. */
  lock(breakLock: boolean): Promise<StoreLock>
  /**
   * Puts a content in its place, and takes it out of the spool.
   * @param before what it takes the place of, as it was listed: never anything else. Throws `refused` where that would be so
   */
  put(content: Received, path: string, before: Kept | null): Promise<Kept>
  /** Writes a small file, or another text in its place. `before`: as for `put`, where it matters. */
  write(path: string, text: string, before?: Kept | null): Promise<Kept>

  /** Adds to the journal; begins it where there is none. */
  journalAppend(text: string): Promise<void>
  /** All of the journal; null where there is none. */
  journalText(): Promise<string | null>
  /** Removes the journal: what it tells is in the manifest. */
  journalEnd(): Promise<void>
}
