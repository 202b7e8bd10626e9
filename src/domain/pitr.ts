/** Point-in-time recovery of Postgres: how a cluster is archived, what can be recovered, and what a recovery does. */

import type { S3Options } from './options.js'

export type ArchiveTool = 'pgbackrest' | 'barman' | 'cnpg'

/** A cluster, and the tool that archives it. */
export interface ArchivedCluster {
  readonly tool: ArchiveTool
  /** The tool's name for it: pgBackRest's stanza, Barman's server, CloudNativePG's Cluster. */
  readonly name: string
  /** The tool's configuration; undefined for its own default. */
  readonly toolConfig: string | undefined
  /** Absolute. */
  readonly dataDir: string
  /** Folder of the server's socket, or its host. */
  readonly host: string
  readonly port: number
  readonly user: string
  /** Folder of PostgreSQL's programs; undefined to look in the usual ones. */
  readonly programs: string | undefined
  /** Longest answer of a tool, ms; a restore may take as long as it takes. */
  readonly timeoutMs: number
}

/** Where base backups and WAL are kept. */
export type Repository =
  | { readonly kind: 'folder'; readonly path: string }
  /** `prefix` without slashes at its ends, may be empty. */
  | { readonly kind: 's3'; readonly bucket: string; readonly prefix: string }

/** Configuration that is asked for. */
export interface RenderOptions {
  readonly cluster: ArchivedCluster
  /** Undefined for the tool's usual folder. */
  readonly repository: Repository | undefined
  /** True: what is stored is encrypted; the tool must be able to. */
  readonly encrypted: boolean
  readonly s3: S3Options
  readonly s3Region: string
  /** How far back a recovery must be possible, days. */
  readonly windowDays: number
  readonly namespace: string
  /** Name of the Kubernetes secret with the keys of the bucket. */
  readonly s3Secret: string
  /** `in-tree`: the deprecated form within the Cluster. */
  readonly cnpgForm: 'plugin' | 'in-tree'
  /** A recovery to this moment is rendered too; unix µs. */
  readonly toUs: bigint | undefined
}

/** A piece of configuration. */
export interface RenderedFile {
  readonly name: string
  /** Where it belongs. */
  readonly place: string
  readonly text: string
}

/** What became of rendered files in a folder. */
export interface WrittenFiles {
  readonly folder: string
  readonly files: readonly { readonly name: string; readonly state: 'written' | 'unchanged' }[]
}

/** A base backup in the tool's repository. */
export interface BaseBackup {
  readonly label: string
  /** As the tool calls it: full, diff, incr. */
  readonly type: string
  /** RFC 3339, UTC; pgBackRest notes whole seconds. */
  readonly stoppedAt: string
  /** The cluster's size, bytes. */
  readonly bytes: number
  /** Segment in which its recovery begins. */
  readonly firstWal: string
  /** Timeline on which it ended, and the address in the log at which it did: `0/5000028`. */
  readonly timeline: number
  readonly stopLsn: string
  /** The tool found damaged pages while it was taken. */
  readonly damaged: boolean
}

/** Moments that can be recovered; RFC 3339 in UTC with microseconds. */
export interface RecoveryWindow {
  /** The earliest one. */
  readonly from: string
  /** Time of the last commit in the archive: moments before it can be recovered, this one and later ones not. */
  readonly before: string
}

/** What the server says of its archiving. */
export interface ServerArchiving {
  readonly version: string
  readonly inRecovery: boolean
  readonly walLevel: string
  readonly archiveMode: string
  readonly lastArchivedWal: string | null
  readonly lastArchivedAt: string | null
  readonly lastFailedWal: string | null
  readonly lastFailedAt: string | null
  /** The last attempt failed. */
  readonly failing: boolean
}

/** Something that stands between the cluster and its recovery. */
export interface PitrFinding {
  readonly class:
    | 'server_unreachable'
    | 'archiving_off'
    | 'archiving_failing'
    | 'tool_check_failed'
    | 'no_backup'
    | 'backup_damaged'
    | 'backup_too_old'
    | 'no_window'
    | 'wal_too_old'
  readonly message: string
  /** What to do about it. */
  readonly hint: string
}

export interface PitrCheck {
  readonly tool: ArchiveTool
  readonly cluster: string
  /** Null where it does not answer. */
  readonly server: ServerArchiving | null
  /** Those from which the newest timeline can be reached, oldest first. */
  readonly backups: readonly BaseBackup[]
  readonly newestWal: string | null
  readonly window: RecoveryWindow | null
  readonly findings: readonly PitrFinding[]
}

/** Ages from which a check is not content any more, ms; undefined where nobody looks. */
export interface AgeLimits {
  readonly walMs: number | undefined
  readonly backupMs: number | undefined
}

export interface PitrRestoreOptions {
  readonly cluster: ArchivedCluster
  /** Unix µs. */
  readonly toUs: bigint
  /** New data directory; undefined to restore in place. */
  readonly into: string | undefined
}

/** What a point-in-time restore is going to do. */
export interface PitrRestorePlan {
  readonly tool: ArchiveTool
  readonly cluster: string
  readonly target: {
    /** RFC 3339 with microseconds. */
    readonly utc: string
    /** The same moment in this machine's zone, with its offset. */
    readonly local: string
    readonly zone: string
  }
  readonly window: RecoveryWindow
  readonly backup: BaseBackup
  /** The newest one; the recovery follows it. */
  readonly timeline: number
  /** The timeline that it left, and where; what that one had later is not in it. Null for the first. */
  readonly branchedOff: { readonly timeline: number; readonly lsn: string } | null
  /** Data directory in which the cluster will be. */
  readonly into: string
  /** In place: what the old data directory will be called. */
  readonly keptAs: string | null
  /** False: the restored cluster does not archive, since another one may be using the stanza. */
  readonly archiving: boolean
  readonly freeBytes: number
  /** Commands to run after it. */
  readonly next: readonly string[]
}
