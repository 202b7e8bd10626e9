import type { BackupContents, BackupManifest, StoreName } from '../domain/backup.js'
import type { BackupWriter } from './writer.js'

/** What a store tells of a backup that it has just written. */
export interface Taken {
  /** Programs that made it, with their versions. */
  readonly programs: Readonly<Record<string, string>>
  readonly serverVersion: string
  /** The server, without credentials. */
  readonly source: string
  readonly contents: BackupContents
  /** What somebody who restores it must know. */
  readonly notes: readonly string[]
}

/** A backup's files on this machine, decrypted, each proven by its SHA-256. */
export interface Spooled {
  readonly manifest: BackupManifest
  /** Where a file lies, by its name without the ending of the encryption. */
  file(name: string): string
}

/** What all three datastores can do; restoring asks for more and differs, so each has a function of its own for it. */
export interface Store {
  readonly name: StoreName
  /**
   * Writes the files of a backup. Throws where anything of it cannot be had: then the backup stays without manifest.
   * The server is left as it was.
   */
  backup(writer: BackupWriter): Promise<Taken>
  /**
   * Reads a whole backup as the store's own programs do, and says what they find: hashes prove that the bytes are those
   * that were stored, this proves that they are a backup.
   */
  check(spooled: Spooled, signal: AbortSignal): Promise<readonly string[]>
  /**
   * Restores into a scratch server or database, compares what is there with the manifest, takes it down again, and says
   * what differs. Nothing that exists is touched.
   */
  drill(spooled: Spooled, signal: AbortSignal): Promise<readonly string[]>
  /** Whether a check or drill needs this file on this machine; where not given, it needs all. */
  needs?(name: string): boolean
  /**
   * Removes what other programs keep of a backup, whole or half made. Harmless where nothing is left. Where it throws, the
   * backup stays as it is.
   *
   * @param folder of the backup in the storage, `clickhouse/20260311T020000Z-1a2b3c`
   * @param files paths of what the storage has of it
   */
  discard?(folder: string, files: readonly string[], signal: AbortSignal): Promise<void>
}
