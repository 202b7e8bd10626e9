import type { AuditOptions } from '../domain/audit.js'
import type { BenchOptions } from '../domain/bench.js'
import { LedgerError } from '../domain/errors.js'
import type {
  BillOptions,
  CollectOptions,
  InputOptions,
  ReplayOptions,
  S3Options,
  TargetOptions,
} from '../domain/options.js'
import type { Settings } from './resolve.js'

/** Options of the target; a server's user and password are left out where the ledger is embedded. */
export function targetOptions({ values, target, password, caCertificates }: Settings): TargetOptions {
  return {
    url: target === 'server' ? values['clickhouse-url'] : undefined,
    user: values['clickhouse-user'],
    password: target === 'server' ? password : undefined,
    caCertificates,
    database: values['clickhouse-db'],
    embedded: values.embedded,
    timeoutMs: values['clickhouse-timeout'],
  }
}

/**
 * How S3 is reached, for sources and for backups.
 *
 * @throws LedgerError `usage` for a key without aws:kms
 */
export function s3Options({ values }: Settings): S3Options {
  return {
    endpoint: values['s3-endpoint'],
    pathStyle: values['s3-path-style'],
    timeoutMs: values['s3-timeout'],
    checksums: values['s3-checksums'],
    encryption: encryptionOf(values),
  }
}

function encryptionOf(values: Settings['values']): S3Options['encryption'] {
  const algorithm = values['s3-sse']
  const keyId = values['s3-sse-key'] ?? null
  if (keyId !== null && algorithm !== 'aws:kms')
    throw new LedgerError('usage', '--s3-sse-key names a key that nothing uses', {
      hint: 'add --s3-sse aws:kms, or leave the key out',
    })
  return algorithm === undefined ? undefined : { algorithm, keyId }
}

/** @throws LedgerError `usage` where no source is named */
export function inputOptions(settings: Settings): InputOptions {
  const { values } = settings
  if (values.source.length === 0) {
    throw new LedgerError('usage', 'no source: name the directories, files or archives that hold the WAL of all pods', {
      hint: "for example: obleth-ledger inspect ./wal; OBLETH_WAL_PATH, obleth's own variable, is read where none is named",
    })
  }
  return {
    sources: values.source,
    s3: s3Options(settings),
    sinceMs: values.since,
    untilMs: values.until,
    tenants: [...new Set(values.tenant)],
    acceptFuture: values['accept-future'],
    concurrency: values.concurrency,
    memoryBytes: values.memory,
    stateDir: values['state-dir'],
  }
}

/** @throws LedgerError `usage` where no source is named */
export function replayOptions(settings: Settings): ReplayOptions {
  const { values } = settings
  return {
    ...inputOptions(settings),
    target: targetOptions(settings),
    dryRun: values['dry-run'],
    stageOnly: values['stage-only'],
    createSchema: values['create-schema'],
    expired: values.expired,
    publish: values.publish,
    repairRollup: values['repair-rollup'],
    breakLock: values['break-lock'],
    retentionDays: values['retention-days'],
    yes: values.yes,
  }
}

/**
 * Where a bundle is, and how it is written.
 *
 * @throws LedgerError `usage` where it is not named
 */
export function bundleOptions(settings: Settings): Omit<CollectOptions, 'sources'> {
  const { values } = settings
  if (values.to === undefined)
    throw new LedgerError('usage', 'collect needs to know where to: give a folder or s3://bucket/prefix with --to', {
      hint: 'for example: obleth-ledger collect ./pods --to ./bundle',
    })
  return {
    s3: s3Options(settings),
    to: values.to,
    concurrency: values.concurrency,
    stateDir: values['state-dir'],
    bytesPerSecond: values['limit-rate'],
    breakLock: values['break-lock'],
  }
}

/** @throws LedgerError `usage` where sources or bundle are not named */
export function collectOptions(settings: Settings): CollectOptions {
  return { ...bundleOptions(settings), sources: inputOptions(settings).sources }
}

/** @throws LedgerError `usage` where a server is to be measured and none is named */
export function benchOptions(settings: Settings): BenchOptions {
  const { values } = settings
  const target = targetOptions(settings)
  if (values.target === 'server' && target.url === undefined)
    throw new LedgerError('usage', '--target server needs to know which: give it with --clickhouse-url', {
      hint: 'for example: obleth-ledger bench --target server --clickhouse-url http://clickhouse:8123',
    })
  return {
    sources: comparedInput(settings)?.sources ?? [],
    s3: s3Options(settings),
    concurrency: values.concurrency,
    memoryBytes: values.memory,
    stateDir: values['state-dir'],
    records: values.records,
    seed: values.seed,
    rounds: values.rounds,
    sampleBytes: values.sample,
    kind: values.target,
    target,
  }
}

export function auditOptions({ values }: Settings): AuditOptions {
  return {
    retentionDays: values['retention-days'],
    outages: values.outage,
    waivers: values.waivers,
    pods: values.pods,
  }
}

/**
 * The sources of a command that can do without, whole: what usage lacks is looked for in all of them. Null where none are
 * named; that a machine has obleth's own variable is no wish to read them.
 */
export function comparedInput(settings: Settings): InputOptions | null {
  const origin = settings.given.get('source')?.origin
  if (origin === undefined || (origin.kind === 'env' && !origin.own)) return null
  return { ...inputOptions(settings), sinceMs: undefined, untilMs: undefined, tenants: [] }
}

/** @throws LedgerError `usage` where the period is not named, or named twice */
export function billOptions(settings: Settings): BillOptions {
  const { values } = settings
  return {
    target: targetOptions(settings),
    period: periodOf(values),
    timeZone: values['time-zone'],
    tenants: [...new Set(values.tenant)],
    digits: values.digits,
    postgresUrl: values['postgres-url'],
    outages: values.outage,
    waivers: values.waivers,
    retentionDays: values['retention-days'],
    configBackup: values['config-backup'],
  }
}

function periodOf({ period, since, until }: Settings['values']): BillOptions['period'] {
  if (period === undefined && since !== undefined && until !== undefined)
    return { kind: 'window', sinceMs: since, untilMs: until }
  if (period !== undefined && since === undefined && until === undefined) return { kind: 'calendar', period }
  throw new LedgerError('usage', 'name what to bill: either --period, or both --since and --until', {
    hint: 'for example: obleth-ledger bill --period 2025-06 --time-zone Europe/Berlin',
  })
}
