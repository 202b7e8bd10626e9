import type { BackupsOptions } from '../domain/backup.js'
import type { DoctorOutcome, Lost, Problem, StoreReport } from '../domain/doctor.js'
import { LedgerError } from '../domain/errors.js'
import type { AgeLimits, ArchivedCluster } from '../domain/pitr.js'
import { examineArchive } from './archive.js'
import { examineBackups } from './backups.js'
import { examineClickhouse } from './clickhouse.js'
import type { Deployment } from './deployment.js'
import { failureMatrix } from './matrix.js'
import { examinePostgres } from './postgres.js'
import { examineRedis } from './redis.js'
import { runbook } from './runbook.js'
import { examineWal } from './wal.js'

export interface DoctorOptions extends BackupsOptions {
  /** Where WAL files are; empty where none are named. */
  readonly sources: readonly string[]
  readonly concurrency: number
  /** A backup older than this needs attention, ms. */
  readonly maxBackupAgeMs: number
  /** How Postgres is archived, and how old that may be; null where nobody has named the archive. */
  readonly archive: { readonly cluster: ArchivedCluster; readonly limits: AgeLimits } | null
  /** The store whose runbook is wanted. */
  readonly lost: Lost | undefined
}

/**
 * Looks at the three stores, their backups and the pods' WAL, and says what the loss of each would mean. What cannot be looked
 * at is a problem that it reports, never an error that it throws.
 */
export async function doctor(options: DoctorOptions, nowMs: number, signal: AbortSignal): Promise<DoctorOutcome> {
  const { archive } = options
  const [postgres, redis, clickhouse, backups, wal, archived] = await Promise.all([
    examinePostgres(options.stores.postgresUrl, signal),
    examineRedis(options.stores.redis),
    examineClickhouse(options.stores.clickhouse, nowMs),
    asked('backups', examineBackups(options, options.maxBackupAgeMs, nowMs, signal)),
    options.sources.length === 0
      ? null
      : asked('WAL', examineWal(options.sources, options.s3, options.concurrency, signal)),
    archive === null ? null : examineArchive(archive.cluster, archive.limits, nowMs, signal),
  ])
  signal.throwIfAborted()
  const stores: StoreReport[] = [postgres, redis, clickhouse]
  const problems: Problem[] = [
    ...stores.flatMap((store) => store.problems),
    ...(backups.answer?.problems ?? []),
    ...backups.problem,
    ...(wal?.answer?.problems ?? []),
    ...(wal?.problem ?? []),
    ...(archived?.problems ?? []),
  ]
  const deployment: Deployment = {
    options,
    sources: options.sources,
    stores,
    newest: new Map(
      (backups.answer?.stores ?? []).flatMap(({ store, newest }) => (newest === null ? [] : [[store, newest]])),
    ),
    backupsUnread: backups.problem[0]?.reason ?? null,
    archive: archive?.cluster ?? null,
    window: archived?.window ?? null,
    wal: wal?.answer?.report ?? null,
    nowMs,
  }
  return {
    checkedAt: new Date(nowMs).toISOString(),
    stores,
    backups: backups.answer === null ? null : { place: backups.answer.place, stores: backups.answer.stores },
    window: deployment.window,
    wal: deployment.wal,
    problems,
    matrix: failureMatrix(deployment),
    runbook: options.lost === undefined ? null : { lost: options.lost, steps: runbook(options.lost, deployment) },
  }
}

interface Asked<T> {
  readonly answer: T | null
  readonly problem: readonly Problem[]
}

/** What a look gave, or why it gave nothing. */
async function asked<T>(about: string, look: Promise<T>): Promise<Asked<T>> {
  try {
    return { answer: await look, problem: [] }
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error
    const next = error.hint ?? 'run obleth-ledger doctor again'
    return { answer: null, problem: [{ about, reason: error.message, next }] }
  }
}
