import type { BaseBackup } from '../../domain/pitr.js'

/** What a tool has of a cluster. */
export interface Archived {
  /** Oldest first. */
  readonly backups: readonly BaseBackup[]
  /** Newest segment of WAL on the newest timeline; null where there is none. */
  readonly newestWal: string | null
  /** Major version of the server, `15`. */
  readonly postgres: string
  /** Writes a segment, or a timeline's history, to a file; false where the archive does not have it. */
  fetchFile(name: string, file: string): Promise<boolean>
}

/** A tool that archives a cluster. Nothing here changes backups or data; `check` may make the server close its segment. */
export interface Archive {
  /**
   * Throws `source_not_found` where the tool does not know the cluster, `access_denied` for a wrong passphrase, and
   * `target_unreachable` where the tool does not answer in time: its store may be dead.
   */
  look(): Promise<Archived>
  /** The tool's own check; what it finds wrong, or null. */
  check(): Promise<string | null>
}
