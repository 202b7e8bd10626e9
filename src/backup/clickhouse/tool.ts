import type { BackupContents } from '../../domain/backup.js'
import type { Ledger } from '../../ledger/ledger.js'
import type { BackupWriter } from '../writer.js'

/** What goes into a backup: tables of one database, under the names that they have in another one. */
export interface Saving {
  readonly ledger: Ledger
  /** Database of the snapshot, which nobody else writes to. */
  readonly from: string
  /** The ledger's own database, whose view is saved as it is. */
  readonly database: string
  readonly tables: readonly string[]
  readonly view: boolean
}

/** What a tool tells of what it saved. */
export interface Saved {
  /** Programs with their versions, and whatever `load` needs to find the backup again. */
  readonly programs: Readonly<Record<string, string>>
  readonly facts: BackupContents['facts']
  readonly notes: readonly string[]
  /** False where its bytes did not come by here: then only a restore proves them. */
  readonly seen: boolean
}

/** A backup that can be loaded: what it holds, and where its files lie on this machine, by name. */
export interface Stored {
  readonly contents: BackupContents
  file(name: string): string
}

/** What comes out of a backup: into a database that is there and holds no tables. */
export interface Loading {
  readonly ledger: Ledger
  readonly from: Stored
  readonly into: string
  readonly signal: AbortSignal
  /** Called once the tables are there, and before there is any row in them. */
  created(): Promise<void>
}

/**
 * What makes a backup of ClickHouse and brings it back. Everything else (the snapshot, counts, proofs, how a restored ledger
 * takes its place) is the same whatever does this.
 */
export interface BackupTool {
  /** As the manifest names it. */
  readonly name: string
  /** Throws where anything of it cannot be had; what is kept elsewhere then is what the store's `discard` removes. */
  save(saving: Saving, writer: BackupWriter): Promise<Saved>
  /** Throws `source_not_found` where what is kept elsewhere is gone; not given where nothing is, or nobody can ask. */
  find?(contents: BackupContents, signal: AbortSignal): Promise<void>
  /** Throws `verification_failed`, `disk_full`, or what the server answers; what is in the database then is worth nothing. */
  load(loading: Loading): Promise<void>
  /** Takes away what was left of a save out of this database, where its command was killed. */
  forget(from: string): Promise<void>
  /** Reads what the backup's folder holds to its end, and says what is wrong with it. */
  check(stored: Stored, signal: AbortSignal): Promise<readonly string[]>
}
