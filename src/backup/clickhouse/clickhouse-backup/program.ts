import type { ClickhouseBackupProgram } from '../../../domain/backup.js'
import { commandLine } from './command-line.js'
import type { Listed, Where } from './listed.js'
import { restApi } from './rest.js'

/** A restore of the tables of one database into another one, which must be there. */
export interface Restoring {
  /** Tables without rows first, rows into these afterwards: as `--schema` and `--data` do. */
  readonly part: 'schema' | 'data'
  readonly from: string
  readonly into: string
}

/**
 * What this tool asks of clickhouse-backup, by its command line or its REST API. Every method waits for the end of what it
 * began and throws where that is another one than success: `access_denied`, `target_unreachable`, `target_locked` where others
 * keep it busy, `source_not_found`, `config`, `disk_full`, `target_failed`.
 */
export interface Program {
  /** For people: the program, or the URL of its API. */
  readonly place: string
  version(signal: AbortSignal): Promise<string>
  /** Backs up all tables of a database, on the disk of the server. */
  create(name: string, database: string, signal: AbortSignal): Promise<void>
  /** From the server's disk to the remote storage. */
  upload(name: string, signal: AbortSignal): Promise<void>
  /** The other way. */
  download(name: string, signal: AbortSignal): Promise<void>
  restore(name: string, restoring: Restoring, signal: AbortSignal): Promise<void>
  list(where: Where, signal: AbortSignal): Promise<readonly Listed[]>
  delete(where: Where, name: string, signal: AbortSignal): Promise<void>
}

/** How it is driven: by its API where a URL is given, else as a program of this machine. */
export function programOf(options: ClickhouseBackupProgram): Program {
  const { url } = options
  return url === undefined ? commandLine(options.stepMs) : restApi({ ...options, url })
}
