import type { BackupsOptions, ClickhouseBackupOptions, KeepPolicy, ScheduleOptions } from '../domain/backup.js'
import { LedgerError } from '../domain/errors.js'
import type { AgeLimits, ArchivedCluster, PitrRestoreOptions, RenderOptions } from '../domain/pitr.js'
import type { PostgresRestoreOptions } from '../domain/postgres-restore.js'
import type { RedisRestoreOptions } from '../domain/redis.js'
import { s3Options, targetOptions } from './parsed.js'
import { absolutePath, microseconds } from './parsers.js'
import type { Settings } from './resolve.js'

/** Options of the backup tooling; those of ledgers, sources and bills stand in parsed.ts. */

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
