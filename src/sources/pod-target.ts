import type { PodShell } from '../domain/wal.js'

/** A pod that a source names, as whoever runs it tells of it. */
export type PodTarget = ReachablePod | UnreadablePod

export interface UnreadablePod {
  readonly pod: string
  /** Why, and what to do. */
  readonly reason: string
}

export interface ReachablePod {
  readonly pod: string
  readonly shell: PodShell
  /** Arguments of `LIST`: the path, or '' for what the pod itself says; the path for where it says nothing. */
  readonly paths: readonly [string, string]
  /** Whose files these are: those of one device and inode under the same name are one file. */
  readonly identity: string
  /** For people and for telling pods apart: where the pods stand. */
  readonly root: string
  /** True where files are called after the pod, false where after the folders that they stand in, as on this machine. */
  readonly namesFiles: boolean
  /** Why it will insert its WAL again; undefined where it is not known to run. */
  readonly running: string | undefined
  /** What to do where no command can be run in it. */
  readonly withoutShell: string
}
