import type { BackupsOptions, TableRows } from './backup.js'

/**
 * What happens to roles that own objects of the backup, or have rights on them, and that the target lacks. require: the
 * restore is refused. create: they are made from the backup first. ignore: nothing is given to any role, and the user of the
 * restore owns everything.
 */
export type RolesRule = 'require' | 'create' | 'ignore'

export interface PostgresRestoreOptions {
  readonly backups: BackupsOptions
  /** A backup's id, or `latest`. */
  readonly backup: string
  readonly roles: RolesRule
  /** Longest wait for a lock that somebody else holds, ms. */
  readonly lockTimeoutMs: number
  /** For the shell, once the restore is done; undefined where somebody does it by hand. */
  readonly restartCommand: string | undefined
  readonly dryRun: boolean
  readonly signal: AbortSignal
  confirm(plan: PostgresRestorePlan): Promise<boolean>
}

/** Another session of the database: who may hold locks, or use tables that are about to be replaced. */
export interface PostgresSession {
  readonly pid: number
  readonly user: string
  /** What the client calls itself; '' where it does not, or where this user may not see it. */
  readonly application: string
  /** Address of the client; null over a Unix socket, or unseen. */
  readonly client: string | null
  readonly state: string | null
  /** RFC 3339; null where no transaction is open, or unseen. */
  readonly transactionSince: string | null
}

/** Rows of a table before the restore and in the backup; null where there is no such table. */
export interface ReplacedTable {
  readonly table: string
  readonly now: number | null
  readonly inBackup: number | null
}

/** What a restore would do. */
export interface PostgresRestorePlan {
  readonly backup: string
  /** Where the backup lies. */
  readonly place: string
  /** RFC 3339: what was written since is lost. */
  readonly takenAt: string
  readonly backupVersion: string
  /** `host:port/database`. */
  readonly target: string
  readonly targetVersion: string
  readonly tables: readonly ReplacedTable[]
  readonly largeObjects: { readonly now: number; readonly inBackup: number }
  readonly sessions: readonly PostgresSession[]
  readonly roles: { readonly rule: RolesRule; readonly missing: readonly string[] }
  /** Extensions of the target that this user may not replace: they stay as they are. */
  readonly keptExtensions: readonly string[]
  readonly notes: readonly string[]
}

export interface PostgresRestoreOutcome {
  readonly plan: PostgresRestorePlan
  /** False where it was only planned, or declined. */
  readonly restored: boolean
  readonly tables: readonly TableRows[]
  /** What is not as in the backup, though everything was restored without an error. */
  readonly differences: readonly string[]
  /** Grants and owners that `ignore` left out, as SQL. */
  readonly lost: readonly string[]
  readonly tookMs: number
  readonly restart: {
    readonly command: string
    readonly exitCode: number
    /** Last words of a command that failed. */
    readonly said: string
  } | null
}
