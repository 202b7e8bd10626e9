/** What the backup tooling hands on: what a backup is made of, and what became of it. */

import type { S3Options, Secret, ServerSideEncryption, TargetOptions } from './options.js'
import type { RedisOptions } from './redis.js'

/** The three datastores of obleth. */
export type StoreName = 'postgres' | 'redis' | 'clickhouse'

export type Encryption = 'none' | 'age' | 'gpg'

/** A file of a backup. */
export interface BackedUpFile {
  /** Below the backup's folder, parts joined by `/`. */
  readonly path: string
  /** As it is stored: encrypted where the backup is. */
  readonly bytes: number
  /** Hex, of the stored bytes. */
  readonly sha256: string
  /** What it is decrypted: the same as stored where nothing is encrypted. */
  readonly plain: { readonly bytes: number; readonly sha256: string }
}

/** Rows of a table when the backup was taken. */
export interface TableRows {
  /** With its schema or database, `public.tenants`. */
  readonly table: string
  readonly rows: number
}

/** What a backup holds, by store. */
export interface BackupContents {
  readonly databases: readonly string[]
  readonly tables: readonly TableRows[]
  /** Sizes, counts and marks that the store's own check compares; what they mean is the store's business. */
  readonly facts: Readonly<Record<string, string | number | boolean | null | readonly string[]>>
}

/** What a backup is: written last, so that a backup without it is known to be half made. */
export interface BackupManifest {
  readonly store: StoreName
  readonly id: string
  /** Version of this tool. */
  readonly tool: string
  /** Programs that made it, with their versions: `{ pg_dump: '15.18' }`. */
  readonly programs: Readonly<Record<string, string>>
  readonly serverVersion: string
  /** RFC 3339, UTC. */
  readonly startedAt: string
  readonly finishedAt: string
  /** The server that was backed up, without credentials. */
  readonly source: string
  readonly encryption: Encryption
  /** What the store that it lies in was asked for besides, and confirmed; null where that is its own business. */
  readonly serverSideEncryption: ServerSideEncryption | null
  readonly files: readonly BackedUpFile[]
  readonly contents: BackupContents
  /** What somebody who restores it must know. */
  readonly notes: readonly string[]
}

/**
 * complete: its manifest is there, and so are its files in their sizes. running: being made by a living process.
 * incomplete: begun and never finished. damaged: files are missing or have other sizes, or the manifest cannot be read.
 */
export type BackupState = 'complete' | 'running' | 'incomplete' | 'damaged'

/** A backup as the storage shows it. */
export interface BackupEntry {
  readonly store: StoreName
  readonly id: string
  readonly state: BackupState
  /** Why it is not complete. */
  readonly reason: string | null
  /** Unix ms, from its id. */
  readonly startedMs: number
  /** All that is stored of it, bytes. */
  readonly bytes: number
  readonly manifest: BackupManifest | null
}

/** Something that a check found. */
export interface BackupFinding {
  readonly store: StoreName
  readonly id: string
  /** File of the backup, or null where it is about the whole. */
  readonly path: string | null
  readonly reason: string
}

/** How a backup's files are encrypted and read again: by the program age, or by gpg with a passphrase. */
export interface KeyOptions {
  /** File with age recipients, one a line; new backups are encrypted to them. */
  readonly ageRecipients: string | undefined
  /** File with age identities, to decrypt. */
  readonly ageIdentity: string | undefined
  /** File whose first line is the passphrase of gpg, to encrypt and to decrypt. */
  readonly gpgPassphraseFile: string | undefined
}

/** How many backups of each kind a prune keeps; days, weeks (from Monday), months and years are those of UTC. */
export interface KeepPolicy {
  readonly last: number
  readonly daily: number
  readonly weekly: number
  readonly monthly: number
  readonly yearly: number
}

/** What a prune does with a backup, and why. */
export interface PruneDecision {
  readonly store: StoreName
  readonly id: string
  readonly state: BackupState
  readonly bytes: number
  readonly keep: boolean
  readonly reasons: readonly string[]
}

/** How the three servers are reached. */
export interface StoreOptions {
  /** Undefined where none is named. */
  readonly postgresUrl: Secret | undefined
  readonly redis: RedisOptions
  readonly clickhouse: TargetOptions
  readonly clickhouseBackups: ClickhouseBackupOptions
}

/** What backs ClickHouse up, and where a server puts its native backups; an embedded ledger needs no place. */
export interface ClickhouseBackupOptions {
  /** Of new backups; a manifest names that of an earlier one. */
  readonly tool: 'native' | 'clickhouse-backup'
  /** Folder that both the server and this machine see. */
  readonly folder: string | undefined
  /** Disk of the server, where they stay. */
  readonly disk: string | undefined
  /** Named collection of the server, by which it reaches the bucket of the backups itself. */
  readonly collection: string | undefined
  /** Takes over the lock of another run that is gone. */
  readonly breakLock: boolean
  readonly program: ClickhouseBackupProgram
}

/** How clickhouse-backup is driven. */
export interface ClickhouseBackupProgram {
  /** Of its REST API, without credentials; undefined where it is a program of this machine. */
  readonly url: string | undefined
  readonly user: string | undefined
  readonly password: Secret | undefined
  /** Whether new backups go into the remote storage that it is configured for. */
  readonly remote: boolean
  /** Longest that one of its steps may take, until its turn comes and for itself, ms. */
  readonly stepMs: number
  /** Longest wait for one answer of its API, ms. */
  readonly answerMs: number
}

/** Where backups are kept, and what opens them. */
export interface BackupsOptions {
  /** Folder, or `s3://bucket/prefix`. */
  readonly place: string
  readonly s3: S3Options
  /** Most bytes a second that are written; undefined for no limit. */
  readonly bytesPerSecond: number | undefined
  readonly keys: KeyOptions
  readonly stores: StoreOptions
}

/** What was found out about a backup. */
export interface VerifiedBackup {
  readonly store: StoreName
  readonly id: string
  readonly bytes: number
  /** False where only the stored bytes were proven, since no key was at hand or they were wrong. */
  readonly opened: boolean
  readonly findings: readonly BackupFinding[]
}

/** What a restore for practice came to. */
export interface DrilledBackup {
  readonly store: StoreName
  readonly id: string
  readonly bytes: number
  /** Fetching, decrypting and proving its files. */
  readonly fetchMs: number
  /** Restoring and comparing. */
  readonly restoreMs: number
  /** What the restored store differs in. */
  readonly findings: readonly string[]
}

/** How backups shall be made by themselves. */
export interface ScheduleOptions {
  readonly kind: 'systemd' | 'kubernetes'
  readonly stores: readonly StoreName[]
  /** Minute of the day, UTC. */
  readonly minuteOfDay: number
  readonly backups: string
  /** Container image with this tool; for Kubernetes. */
  readonly image: string | undefined
  readonly namespace: string
}
