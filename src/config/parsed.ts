import type { AuditOptions } from '../domain/audit.js'
import type { BackupsOptions, ClickhouseBackupOptions, KeepPolicy, ScheduleOptions } from '../domain/backup.js'
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
import type { AgeLimits, ArchivedCluster, PitrRestoreOptions, RenderOptions } from '../domain/pitr.js'
import type { PostgresRestoreOptions } from '../domain/postgres-restore.js'
import type { RedisRestoreOptions } from '../domain/redis.js'
import { absolutePath, microseconds } from './parsers.js'
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

export function backupsOptions(settings: Settings): BackupsOptions {
  const { values } = settings
  return {
    place: values.backups,
    bytesPerSecond: values['limit-rate'],
    s3: s3Options(settings),
    keys: {
      ageRecipients: values['age-recipients'],
      ageIdentity: values['age-identity'],
      gpgPassphraseFile: values['gpg-passphrase-file'],
    },
    stores: {
      postgresUrl: values['postgres-url'],
      redis: { url: values['redis-url'], caFile: values['redis-ca-file'], dataDir: values['redis-data-dir'] },
      clickhouse: targetOptions(settings),
      clickhouseBackups: clickhouseBackupOptions(settings),
    },
  }
}

function clickhouseBackupOptions({ values }: Settings): ClickhouseBackupOptions {
  return {
    tool: values.tool === 'clickhouse-backup' ? values.tool : 'native',
    folder: values['clickhouse-backup-folder'],
    disk: values['clickhouse-backup-disk'],
    collection: values['clickhouse-s3-collection'],
    breakLock: values['break-lock'],
    program: {
      url: values['clickhouse-backup-url'],
      user: values['clickhouse-backup-user'],
      password: values['clickhouse-backup-password'],
      remote: values['clickhouse-backup-remote'],
      stepMs: values['clickhouse-backup-timeout'],
      answerMs: values['clickhouse-timeout'],
    },
  }
}

export function restorePostgresOptions(
  settings: Settings,
): Omit<PostgresRestoreOptions, 'backup' | 'signal' | 'confirm'> {
  const { values } = settings
  return {
    backups: backupsOptions(settings),
    roles: values.roles,
    lockTimeoutMs: values['lock-timeout'],
    restartCommand: values['restart-command'],
    dryRun: values['dry-run'],
  }
}

/** @throws LedgerError `usage` where no directory is named */
export function redisRestoreOptions({ values }: Settings): RedisRestoreOptions {
  if (values.into === undefined)
    throw new LedgerError('usage', 'no directory to restore into is named', {
      hint: 'for example: obleth-ledger restore redis latest --into /var/lib/redis, with the server stopped',
    })
  return {
    into: values.into,
    part: values['redis-from'],
    redisVersion: values['redis-version'],
    dryRun: values['dry-run'],
  }
}

export function keepPolicy({ values }: Settings): KeepPolicy {
  return {
    last: values['keep-last'],
    daily: values['keep-daily'],
    weekly: values['keep-weekly'],
    monthly: values['keep-monthly'],
    yearly: values['keep-yearly'],
  }
}

export function scheduleOptions({ values }: Settings): ScheduleOptions {
  return {
    kind: values.kind,
    stores: values.stores.length > 0 ? [...new Set(values.stores)] : ['postgres', 'redis', 'clickhouse'],
    minuteOfDay: values.at,
    backups: values.backups,
    image: values.image,
    namespace: values.namespace,
  }
}

/**
 * The tool that a command means, the first one where none is named. One for another store is a mistake as a flag, and in
 * environment or file not meant for this command.
 *
 * @throws LedgerError `usage`
 */
export function toolAmong<T extends string>({ values, given }: Settings, tools: readonly [T, ...T[]]): T {
  const named = tools.find((tool) => tool === values.tool)
  if (named === undefined && given.get('tool')?.origin.kind === 'flag')
    throw new LedgerError('usage', `--tool ${values.tool} is none of this command's`, {
      hint: `give one of ${tools.join(', ')}`,
    })
  return named ?? tools[0]
}

function archivedCluster(settings: Settings): ArchivedCluster {
  const { values } = settings
  return {
    tool: toolAmong(settings, ['pgbackrest', 'barman', 'cnpg']),
    name: values.cluster,
    toolConfig: values['tool-config'],
    dataDir: values['pg-data'],
    host: values['pg-host'],
    port: values['pg-port'],
    user: values['pg-user'],
    programs: values['pg-bin'],
    timeoutMs: values['tool-timeout'],
  }
}

/** What a check of the archive looks at. */
export function pitrCheckOptions(settings: Settings): {
  readonly cluster: ArchivedCluster
  readonly limits: AgeLimits
} {
  const { values } = settings
  return {
    cluster: archivedCluster(settings),
    limits: { walMs: values['max-wal-age'], backupMs: values['max-backup-age'] },
  }
}

/** @throws LedgerError `usage` where `--to` is no moment */
export function pitrRenderOptions(settings: Settings): RenderOptions {
  const { values } = settings
  return {
    cluster: archivedCluster(settings),
    repository: values.repository,
    encrypted: values['encrypt-repository'],
    s3: s3Options(settings),
    s3Region: values['s3-region'],
    windowDays: values['recovery-window'],
    namespace: values.namespace,
    s3Secret: values['s3-secret'],
    cnpgForm: values['cnpg-form'],
    toUs: values.to === undefined ? undefined : momentOfRecovery(values.to),
  }
}

/** @throws LedgerError `usage` where the moment or the place is not named, or the tool is not pgBackRest */
export function pitrRestoreOptions(settings: Settings): PitrRestoreOptions {
  const { values } = settings
  const { to, into } = values
  if (to === undefined)
    throw new LedgerError('usage', 'a recovery needs to know to which moment: give it with --to', {
      hint: 'for example: --to 2026-03-01T11:59:30+01:00; obleth-ledger pitr check shows which moments there are',
    })
  const toUs = momentOfRecovery(to)
  if ((into === undefined) === !values['in-place'])
    throw new LedgerError('usage', 'name where to recover: either a new directory with --into, or --in-place', {
      hint: 'a new directory beside the cluster changes nothing that exists',
    })
  const cluster = archivedCluster(settings)
  if (cluster.tool !== 'pgbackrest')
    throw new LedgerError('usage', `a recovery with ${cluster.tool} is run by its own command`, {
      hint: `obleth-ledger pitr render --tool ${cluster.tool} --to ${to} prints it`,
    })
  return { cluster, toUs, into: into === undefined ? undefined : newDirectory(into) }
}

/** A path that becomes part of files and commands of several syntaxes. */
function newDirectory(into: string): string {
  const read = absolutePath.safeParse(into)
  if (read.success) return read.data
  throw new LedgerError('usage', `--into: ${read.error.issues[0]?.message}`, {
    hint: 'for example: --into /var/lib/postgresql/15/recovered',
  })
}

function momentOfRecovery(to: string): bigint {
  const read = microseconds.safeParse(to)
  if (read.success) return read.data
  throw new LedgerError('usage', `--to: ${read.error.issues[0]?.message}`, {
    hint: 'Postgres takes a time without offset for one of its own zone, or of this machine: write it as 2026-03-01T12:00:00+01:00',
  })
}
