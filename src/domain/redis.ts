/** What the tooling around obleth's Redis hands on. */

import type { Secret } from './options.js'

/** How obleth's Redis is reached. */
export interface RedisOptions {
  /** `redis://user:password@host:6379/0`; undefined where none is named. */
  readonly url: Secret | undefined
  /** PEM file with the CAs to trust in place of the system's own; undefined for those. */
  readonly caFile: string | undefined
  /** The server's data directory, where this machine can read it. */
  readonly dataDir: string | undefined
}

/** A setting or a state that persistence rests on. */
export interface PersistenceItem {
  readonly name: string
  /** As the server tells it; null where it does not. */
  readonly value: string | null
  readonly wanted: string
  readonly holds: boolean
}

/** Whether what the server holds survives its end. */
export interface Persistence {
  /** The server, without credentials. */
  readonly source: string
  readonly serverVersion: string
  readonly items: readonly PersistenceItem[]
  /** The server's own file of settings; null where it was started without one, or does not tell. */
  readonly configFile: string | null
  /** Settings that this command changed, with their values before. */
  readonly changed: readonly { readonly name: string; readonly from: string; readonly to: string }[]
  /** What the operator must know or do. */
  readonly advice: readonly string[]
}

/** What a restored server loads: the snapshot, the log as it is, or the log without what is cut or damaged at its end. */
export type RedisPart = 'rdb' | 'aof' | 'repaired-aof'

export interface RedisRestoreOptions {
  /** Data directory of the server that will be started. */
  readonly into: string
  readonly part: RedisPart
  /** Version of that server where it is not the redis-server of this machine, `7.4`. */
  readonly redisVersion: string | undefined
  readonly dryRun: boolean
}

/** What a restore would do, before it does it. */
export interface RedisRestorePlan {
  readonly backup: string
  /** RFC 3339: when the backup began. */
  readonly takenAt: string
  readonly into: string
  readonly part: RedisPart
  /** Version of the snapshot's format, and of the server that will read it; null where that is not known. */
  readonly rdbVersion: number
  readonly redisVersion: string | null
  /** Keys of the snapshot; null where no program of this machine could count them. */
  readonly keys: number | null
  /** Names in the directory that give way. */
  readonly replaced: readonly string[]
  /** Names that are laid down. */
  readonly laidDown: readonly string[]
  /** True where an interrupted restore of the same backup is taken further. */
  readonly goesOn: boolean
  readonly notes: readonly string[]
}

export interface RedisRestored {
  readonly plan: RedisRestorePlan
  readonly restored: boolean
  /** Folder with the files that gave way; null where there were none. */
  readonly kept: string | null
}
