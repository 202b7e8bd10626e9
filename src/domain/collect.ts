/** What `collect` hands on: what a bundle holds, and what a check of it found. */

import type { Checkpoint, WalFileKind, Warning } from './wal.js'

/**
 * whole: all of it, as it stood. growing: as much as was there; its pod still writes. vanished: drained and deleted by its
 * pod before it could be copied. incomplete: what could be read of it, `reason` says why.
 */
export type BundledState = 'whole' | 'growing' | 'vanished' | 'incomplete'

/** One file of a bundle, as its manifest has it. */
export interface BundledFile {
  readonly pod: string
  /** Below the bundle's folder; unpacked, whatever it was packed with. */
  readonly path: string
  readonly kind: WalFileKind
  readonly bytes: number
  /** Unix ms; 0 where the source does not tell. */
  readonly modifiedMs: number
  /** Hex, of the bytes in the bundle. */
  readonly sha256: string
  readonly checkpoint: Checkpoint
  readonly state: BundledState
  readonly reason: string | null
  /** Where it came from, and in which version, so that it is not copied again while neither has changed. */
  readonly origin: string
  readonly version: string
}

/** What a collect found and could not read: a pod without a shell, an archive that ends between two files. */
export interface Unread {
  /** Source arguments of that collect: the next one of the same sources says anew what it could not read. */
  readonly sources: readonly string[]
  readonly path: string
  readonly reason: string
}

/** What a bundle's manifest says. */
export interface BundleManifest {
  readonly files: readonly BundledFile[]
  readonly unread: readonly Unread[]
}

export interface CollectOutcome {
  /** Absolute path of the bundle. */
  readonly bundle: string
  /** All files of the bundle, earlier collects' included. */
  readonly files: readonly BundledFile[]
  /** Of these, how many were written by this run. */
  readonly written: number
  readonly unreadable: readonly { readonly path: string; readonly reason: string }[]
  readonly warnings: readonly Warning[]
  readonly live: readonly { readonly pod: string; readonly reason: string }[]
}

export interface VerifyOutcome {
  readonly bundle: string
  readonly files: number
  readonly bytes: number
  /** What differs from the manifest, by path. */
  readonly differences: readonly { readonly path: string; readonly reason: string }[]
  /** What collect found and could not read, or read only in part: it is missing from the bundle. */
  readonly incomplete: readonly { readonly path: string; readonly reason: string }[]
}
