import * as parse from './parsers.js'

/** Commands an option belongs to. */
export type CommandName =
  | 'replay'
  | 'inspect'
  | 'collect'
  | 'query'
  | 'bill'
  | 'audit'
  | 'runs list'
  | 'runs show'
  | 'runs discard'
  | 'runs undo'
  | 'repair'
  | 'doctor'
  | 'backup postgres'
  | 'backup redis'
  | 'backup clickhouse'
  | 'restore postgres'
  | 'restore redis'
  | 'restore clickhouse'
  | 'backups list'
  | 'backups verify'
  | 'backups drill'
  | 'backups prune'
  | 'backup render'
  | 'pitr render'
  | 'pitr check'
  | 'ttl show'
  | 'ttl set'
  | 'bench'
  | 'config show'

interface OptionSpec<T> {
  readonly parse: parse.Parser<T>
  /** One value, a switch (a flag that takes no value), or several values separated by `separator` in the environment. */
  readonly shape: 'value' | 'switch' | 'list'
  /** Text, as a user would write it; absent where an unset option means something of its own. */
  readonly default?: string
  /** What the help says for an unset option without a default. */
  readonly unset?: string
  readonly separator?: RegExp
  /** Variables of obleth or of custom, read where ours is not set. `anyTextMeans`: what a non-empty text stands for. */
  readonly alsoFrom?: { readonly name: string; readonly anyTextMeans?: string }
  /** `no`: environment and file only, never a flag, since every user of the machine can read a command line. */
  readonly flag?: 'no' | 'positional'
  readonly short?: string
  /** `no`: it says which file is read, so it cannot stand in one. */
  readonly file?: 'no'
  readonly group:
    | 'Target'
    | 'Input'
    | 'Replay'
    | 'Query'
    | 'Audit'
    | 'Bill'
    | 'Backup'
    | 'Recovery'
    | 'Bench'
    | 'Output'
  readonly commands: readonly CommandName[]
  readonly describe: string
}

const CHANGING_RUNS: readonly CommandName[] = ['runs discard', 'runs undo']
const EVERY: readonly CommandName[] = [
  'replay',
  'inspect',
  'collect',
  'query',
  'bill',
  'audit',
  'runs list',
  'runs show',
  ...CHANGING_RUNS,
  'repair',
  'config show',
]
const TAKING: readonly CommandName[] = ['backup postgres', 'backup redis', 'backup clickhouse']
const RESTORING: readonly CommandName[] = ['restore postgres', 'restore redis', 'restore clickhouse']
/** What reads or writes backups. */
const BACKUPS: readonly CommandName[] = [
  ...TAKING,
  ...RESTORING,
  'backups list',
  'backups verify',
  'backups drill',
  'backups prune',
  'doctor',
]
const BACKUPS_AND_SHOW: readonly CommandName[] = [...BACKUPS, 'config show']
/** What has to read what is in a backup. */
const OPENING: readonly CommandName[] = [...RESTORING, 'backups verify', 'backups drill', 'doctor', 'config show']
const DOCTOR: readonly CommandName[] = ['doctor', 'config show']
const TAKING_AND_OPENING: readonly CommandName[] = [...TAKING, ...OPENING]
const REDIS: readonly CommandName[] = ['backup redis', 'doctor', 'config show']
const INTO: readonly CommandName[] = ['restore redis', 'restore postgres', 'pitr render', 'config show']
const REDIS_RESTORE: readonly CommandName[] = ['restore redis', 'config show']
const PRUNE: readonly CommandName[] = ['backups prune', 'config show']
const SCHEDULE: readonly CommandName[] = ['backup render', 'config show']
const TTL: readonly CommandName[] = ['ttl show', 'ttl set']
/** What knows of a cluster and the tool that archives it. */
const ARCHIVED: readonly CommandName[] = ['restore postgres', 'pitr render', 'pitr check', 'doctor']
const ARCHIVED_AND_SHOW: readonly CommandName[] = [...ARCHIVED, 'config show']
const RENDER: readonly CommandName[] = ['pitr render', 'config show']
const CHECK: readonly CommandName[] = ['pitr check', 'doctor', 'config show']
const RESTORE_POSTGRES: readonly CommandName[] = ['restore postgres', 'config show']
const CLICKHOUSE_BACKUPS: readonly CommandName[] = [
  'backup clickhouse',
  'restore clickhouse',
  'backups verify',
  'backups drill',
  'config show',
]
const CLICKHOUSE_TAKING: readonly CommandName[] = ['backup clickhouse', 'config show']
/** What has to reach the program clickhouse-backup. */
const CLICKHOUSE_BACKUP_PROGRAM: readonly CommandName[] = [...CLICKHOUSE_BACKUPS, 'backups prune']
const ANY: readonly CommandName[] = [
  ...EVERY,
  ...BACKUPS,
  'backup render',
  'pitr render',
  'pitr check',
  ...TTL,
  'bench',
]
/** What talks to the ledger. */
const LEDGER: readonly CommandName[] = [
  ...EVERY,
  'backup clickhouse',
  'restore clickhouse',
  'backups verify',
  'backups drill',
  'doctor',
  ...TTL,
]
/** A measurement has a database of its own, and never the ledger's. */
const SERVER: readonly CommandName[] = [...LEDGER, 'bench']
const BENCH: readonly CommandName[] = ['bench', 'config show']
const COLLECT: readonly CommandName[] = ['collect', 'config show']
const READING: readonly CommandName[] = ['replay', 'inspect', 'config show']
const REPLAY: readonly CommandName[] = ['replay', 'config show']
const REPLAY_AND_REPAIR: readonly CommandName[] = [...REPLAY, 'repair']
const CHANGING: readonly CommandName[] = [...REPLAY_AND_REPAIR, ...CHANGING_RUNS, ...RESTORING]
/** What holds the lock on the ledger. */
const LOCKING: readonly CommandName[] = [
  ...REPLAY_AND_REPAIR,
  ...CHANGING_RUNS,
  'backup clickhouse',
  'restore clickhouse',
]
const TRYING: readonly CommandName[] = [...REPLAY_AND_REPAIR, ...RESTORING]
const COMPARING: readonly CommandName[] = [...READING, 'audit', 'bill']
const SOURCED: readonly CommandName[] = [...COMPARING, 'collect', 'doctor', 'bench']
const S3: readonly CommandName[] = [...SOURCED, ...BACKUPS, 'pitr render']
const REPLAY_AUDIT_AND_BILL: readonly CommandName[] = [...REPLAY, 'audit', 'bill']
const AUDIT: readonly CommandName[] = ['audit', 'config show']
const AUDIT_AND_BILL: readonly CommandName[] = ['audit', 'bill', 'config show']
const QUERY: readonly CommandName[] = ['query', 'config show']
const QUERY_AND_BILL: readonly CommandName[] = ['query', 'bill', 'config show']
const BILL: readonly CommandName[] = ['bill', 'config show']
const READING_AND_BILL: readonly CommandName[] = [...READING, 'bill']

const KIB = 2 ** 10
const MIB = 2 ** 20

function option<T, const S extends Omit<OptionSpec<T>, 'parse'>>(parser: parse.Parser<T>, spec: S) {
  return { parse: parser, ...spec }
}

/**
 * Every option: the single source for flags, environment (`OBLETH_LEDGER_` + name in capitals), config file keys, help,
 * `config show` and the README's table.
 */
export const OPTIONS = {
  source: option(parse.text, {
    shape: 'list',
    flag: 'positional',
    separator: /\n/,
    alsoFrom: { name: 'OBLETH_WAL_PATH' },
    group: 'Input',
    commands: SOURCED,
    describe:
      'WAL directories, files, archives (.gz, .zst, .tar, .tar.gz, .tar.zst), patterns, s3://bucket/prefix, k8s://namespace/app=gateway, docker://container/path; as variable one a line',
  }),
  's3-endpoint': option(parse.serverUrl, {
    shape: 'value',
    unset: 'AWS',
    group: 'Input',
    commands: S3,
    describe: 'Store that speaks the S3 protocol, http://host:9000',
  }),
  's3-path-style': option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Input',
    commands: S3,
    describe: "Name the bucket in the path, not in the host's name, as many stores beside AWS need it",
  }),
  's3-timeout': option(parse.duration, {
    shape: 'value',
    default: '30s',
    group: 'Input',
    commands: S3,
    describe: 'Longest silence of the store; then the request is sent again',
  }),
  'clickhouse-url': option(parse.serverUrl, {
    shape: 'value',
    unset: 'the embedded ledger',
    alsoFrom: { name: 'OBLETH_CLICKHOUSE_URL' },
    group: 'Target',
    commands: SERVER,
    describe: 'ClickHouse server, http://host:8123',
  }),
  'clickhouse-db': option(parse.identifier, {
    shape: 'value',
    default: 'obleth',
    alsoFrom: { name: 'OBLETH_CLICKHOUSE_DB' },
    group: 'Target',
    commands: LEDGER,
    describe: 'Database of the ledger',
  }),
  'clickhouse-user': option(parse.text, {
    shape: 'value',
    default: 'default',
    alsoFrom: { name: 'OBLETH_CLICKHOUSE_USER' },
    group: 'Target',
    commands: SERVER,
    describe: 'User on the server',
  }),
  'clickhouse-password': option(parse.secret, {
    shape: 'value',
    flag: 'no',
    alsoFrom: { name: 'OBLETH_CLICKHOUSE_PASSWORD' },
    group: 'Target',
    commands: SERVER,
    describe: 'Password on the server; environment or config file only',
  }),
  'clickhouse-password-file': option(parse.text, {
    shape: 'value',
    group: 'Target',
    commands: SERVER,
    describe: 'File whose first line is the password',
  }),
  'clickhouse-ca-file': option(parse.text, {
    shape: 'value',
    unset: "Node's list of public CAs",
    group: 'Target',
    commands: SERVER,
    describe: "PEM file with the CAs that alone may have signed the server's certificate",
  }),
  embedded: option(parse.text, {
    shape: 'value',
    default: './obleth-ledger-data',
    group: 'Target',
    commands: LEDGER,
    describe: 'Directory of the embedded ledger; as a flag it beats a URL from environment or file',
  }),
  'clickhouse-timeout': option(parse.duration, {
    shape: 'value',
    default: '5m',
    group: 'Target',
    commands: SERVER,
    describe: 'Longest wait for one answer of a server',
  }),
  since: option(parse.moment, {
    shape: 'value',
    unset: 'the beginning',
    group: 'Input',
    commands: READING_AND_BILL,
    describe: 'Only records at or after this time: RFC 3339 with offset, or epoch ms',
  }),
  until: option(parse.moment, {
    shape: 'value',
    unset: 'the end',
    group: 'Input',
    commands: READING_AND_BILL,
    describe: 'Only records before this time',
  }),
  tenant: option(parse.uuid, {
    shape: 'list',
    separator: /[,\n]/,
    unset: 'all',
    group: 'Input',
    commands: READING_AND_BILL,
    describe: 'Only records of this tenant; may be repeated',
  }),
  'accept-future': option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Input',
    commands: COMPARING,
    describe: 'Load records dated more than a day ahead too',
  }),
  to: option(parse.text, {
    shape: 'value',
    group: 'Input',
    commands: [...COLLECT, 'restore postgres', 'pitr render'],
    describe:
      'Folder of the bundle, or s3://bucket/prefix, to which is added; of a recovery of Postgres the moment, RFC 3339 with offset and up to microseconds',
  }),
  'limit-rate': option(parse.byteSize(64 * KIB), {
    shape: 'value',
    unset: 'none',
    group: 'Input',
    commands: [...COLLECT, ...TAKING],
    describe: 'Most bytes a second to read, and as many to write: 10MiB',
  }),
  's3-checksums': option(parse.oneOf('always', 'required'), {
    shape: 'value',
    default: 'always',
    group: 'Input',
    commands: [...COLLECT, ...TAKING],
    describe:
      'Checksums that uploads carry; required: only where the protocol demands one, for stores that know no others',
  }),
  's3-sse': option(parse.oneOf('AES256', 'aws:kms'), {
    shape: 'value',
    unset: "the bucket's own default",
    group: 'Input',
    commands: [...COLLECT, ...TAKING],
    describe: 'How the store encrypts what is uploaded: AES256 with its own keys, aws:kms with one of its key service',
  }),
  's3-sse-key': option(parse.kmsKey, {
    shape: 'value',
    unset: "the account's default key",
    group: 'Input',
    commands: [...COLLECT, ...TAKING],
    describe: 'Key for --s3-sse aws:kms: its id, ARN or alias',
  }),
  verify: option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Input',
    commands: COLLECT,
    describe: 'Prove the bundle in --to against its manifest, and copy nothing',
  }),
  concurrency: option(parse.wholeNumber(1, 64), {
    shape: 'value',
    default: '4',
    group: 'Input',
    commands: SOURCED,
    describe: 'Files examined or copied, and archives read, at once',
  }),
  memory: option(parse.byteSize(16 * MIB), {
    shape: 'value',
    default: '1GiB',
    group: 'Input',
    commands: [...COMPARING, 'bench'],
    describe: 'Memory for records; what goes beyond spills to disk',
  }),
  'state-dir': option(parse.text, {
    shape: 'value',
    default: '.obleth-ledger',
    group: 'Input',
    commands: ANY,
    describe: 'Directory of journal, quarantine and lock',
  }),
  'dry-run': option(parse.flag, {
    shape: 'switch',
    short: 'n',
    default: 'false',
    group: 'Replay',
    commands: [...TRYING, 'ttl set'],
    describe: 'Print what would be done and change nothing',
  }),
  'stage-only': option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Replay',
    commands: REPLAY,
    describe: 'Stage and verify, stop before publishing',
  }),
  'create-schema': option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Replay',
    commands: REPLAY,
    describe: "Create obleth's tables on a server that lacks them (the embedded ledger always may)",
  }),
  expired: option(parse.oneOf('refuse', 'skip', 'include'), {
    shape: 'value',
    default: 'refuse',
    group: 'Replay',
    commands: REPLAY,
    describe: "Records older than the table's TTL: refuse, skip or include",
  }),
  publish: option(parse.oneOf('move', 'insert'), {
    shape: 'value',
    default: 'move',
    group: 'Replay',
    commands: REPLAY,
    describe:
      'How rows get into usage: move partitions, or insert blocks through the views, where nothing can be moved',
  }),
  'repair-rollup': option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Replay',
    commands: REPLAY_AND_REPAIR,
    describe:
      'Raise usage_daily where it holds less than usage; with --publish insert, lower again what a view counts twice',
  }),
  'lower-rollup': option(parse.rollupGroup, {
    shape: 'list',
    separator: /\n/,
    group: 'Replay',
    commands: ['repair', 'config show'],
    describe: 'Lower usage_daily to usage in this group, day/tenant/key/model as `repair` lists it; may be repeated',
  }),
  outage: option(parse.momentRange, {
    shape: 'list',
    separator: /[,\n]/,
    group: 'Audit',
    commands: AUDIT_AND_BILL,
    describe: 'A known outage, from..to as RFC 3339 or epoch ms: a silence in it is marked; may be repeated',
  }),
  pods: option(parse.text, {
    shape: 'list',
    separator: /[,\n]/,
    group: 'Audit',
    commands: AUDIT,
    describe: 'A pod whose WAL must be among the sources; may be repeated',
  }),
  waivers: option(parse.text, {
    shape: 'value',
    unset: 'audit-waivers.yaml, where there is one',
    group: 'Audit',
    commands: AUDIT_AND_BILL,
    describe: 'File of findings that somebody answers for; they leave the exit code alone',
  }),
  'break-lock': option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Replay',
    commands: [...LOCKING, 'collect'],
    describe: 'Take over the lock of another run that is gone',
  }),
  'retention-days': option(parse.wholeNumber(1, 36_500), {
    shape: 'value',
    default: '180',
    alsoFrom: { name: 'OBLETH_USAGE_RETENTION_DAYS' },
    group: 'Replay',
    commands: [...REPLAY_AUDIT_AND_BILL, ...TTL],
    describe: 'What obleth keeps in usage; older records are warned about',
  }),
  yes: option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Replay',
    commands: [...CHANGING, 'ttl set', 'bench'],
    describe: 'Change a server, or restore over what is there, without asking',
  }),
  days: option(parse.wholeNumber(1, 36_500), {
    shape: 'value',
    group: 'Target',
    commands: ['ttl set', 'config show'],
    describe: 'Days after which rows of usage expire',
  }),
  format: option(parse.formatName, {
    shape: 'value',
    default: 'PrettyCompactMonoBlock',
    group: 'Query',
    commands: QUERY_AND_BILL,
    describe: 'ClickHouse output format, for programs e.g. JSONEachRow; of a bill: csv, or table where not given',
  }),
  write: option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Query',
    commands: QUERY,
    describe: 'Allow statements that change something',
  }),
  period: option(parse.calendarPeriod, {
    shape: 'value',
    unset: '--since and --until',
    group: 'Bill',
    commands: BILL,
    describe: 'Month, year or day to bill: 2025-06, 2025, 2025-06-30',
  }),
  'time-zone': option(parse.timeZone, {
    shape: 'value',
    default: 'UTC',
    group: 'Bill',
    commands: BILL,
    describe: "Zone of the bill's days, e.g. Europe/Berlin",
  }),
  digits: option(parse.wholeNumber(0, 12), {
    shape: 'value',
    default: '2',
    group: 'Bill',
    commands: BILL,
    describe: 'Digits behind the point of amounts due; halves are rounded away from zero',
  }),
  'postgres-url': option(parse.postgresUrl, {
    shape: 'value',
    alsoFrom: { name: 'OBLETH_DATABASE_URL' },
    group: 'Target',
    commands: ['bill', 'backup postgres', 'restore postgres', 'doctor', 'config show'],
    describe: "obleth's Postgres; as a flag without password",
  }),
  'redis-url': option(parse.redisUrl, {
    shape: 'value',
    alsoFrom: { name: 'OBLETH_REDIS_URL' },
    group: 'Backup',
    commands: REDIS,
    describe: "obleth's Redis; as a flag without password",
  }),
  'redis-ca-file': option(parse.text, {
    shape: 'value',
    unset: "the system's CAs",
    group: 'Backup',
    commands: REDIS,
    describe: 'PEM file with the CAs that may have signed the certificate of a rediss:// server',
  }),
  'redis-data-dir': option(parse.text, {
    shape: 'value',
    group: 'Backup',
    commands: REDIS,
    describe: "The Redis server's data directory, as this machine sees it: its AOF is backed up too",
  }),
  check: option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Backup',
    commands: ['backup redis', 'config show'],
    describe: 'Back up nothing: tell whether what Redis holds survives its end (appendonly, appendfsync)',
  }),
  enable: option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Backup',
    commands: ['backup redis', 'config show'],
    describe: 'Back up nothing: switch on appendonly and appendfsync everysec, and keep them in the config file',
  }),
  into: option(parse.text, {
    shape: 'value',
    group: 'Backup',
    commands: INTO,
    describe:
      'Data directory of the stopped Redis that is to load the backup; of a recovery of Postgres the new data directory; folder for rendered files',
  }),
  'redis-from': option(parse.oneOf('rdb', 'aof', 'repaired-aof'), {
    shape: 'value',
    default: 'rdb',
    group: 'Backup',
    commands: REDIS_RESTORE,
    describe: 'What is restored: the snapshot, the AOF, or the AOF without what is cut or damaged at its end',
  }),
  'redis-version': option(parse.redisVersion, {
    shape: 'value',
    unset: "that of this machine's redis-server",
    group: 'Backup',
    commands: REDIS_RESTORE,
    describe: 'Version of the server that will load it, e.g. 7.4, where it runs in a container or elsewhere',
  }),
  'config-backup': option(parse.text, {
    shape: 'value',
    group: 'Bill',
    commands: BILL,
    describe: "The gateway's config backup (JSON), for names of tenants and keys; beats Postgres",
  }),
  compare: option(parse.text, {
    shape: 'value',
    group: 'Bill',
    commands: BILL,
    describe: 'Earlier bill (JSON): print each line item that differs from it',
  }),
  against: option(parse.oneOf('rollup'), {
    shape: 'value',
    group: 'Bill',
    commands: BILL,
    describe: 'rollup: print what differs between usage and usage_daily, and why',
  }),
  backups: option(parse.text, {
    shape: 'value',
    default: './obleth-ledger-backups',
    group: 'Backup',
    commands: [...BACKUPS_AND_SHOW, 'backup render'],
    describe: 'Where backups are kept: a folder or s3://bucket/prefix',
  }),
  'clickhouse-backup-folder': option(parse.text, {
    shape: 'value',
    group: 'Backup',
    commands: CLICKHOUSE_BACKUPS,
    describe: 'Folder that the server may write its backups to, and that this machine sees as well',
  }),
  'clickhouse-backup-disk': option(parse.identifier, {
    shape: 'value',
    group: 'Backup',
    commands: CLICKHOUSE_BACKUPS,
    describe: 'Disk of the server that keeps its backups, where this machine sees no folder of it',
  }),
  'clickhouse-s3-collection': option(parse.identifier, {
    shape: 'value',
    group: 'Backup',
    commands: CLICKHOUSE_BACKUPS,
    describe: 'Named collection of the server with the URL of --backups s3://…: it writes there, and reads, by itself',
  }),
  'clickhouse-backup-url': option(parse.serverUrl, {
    shape: 'value',
    unset: 'the program on this machine',
    group: 'Backup',
    commands: CLICKHOUSE_BACKUP_PROGRAM,
    describe: 'REST API of clickhouse-backup, http://host:7171',
  }),
  'clickhouse-backup-user': option(parse.text, {
    shape: 'value',
    group: 'Backup',
    commands: CLICKHOUSE_BACKUP_PROGRAM,
    describe: 'User of that API (its API_USERNAME)',
  }),
  'clickhouse-backup-password': option(parse.secret, {
    shape: 'value',
    flag: 'no',
    group: 'Backup',
    commands: CLICKHOUSE_BACKUP_PROGRAM,
    describe: 'Password of that API (its API_PASSWORD); environment or config file only',
  }),
  'clickhouse-backup-remote': option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Backup',
    commands: CLICKHOUSE_TAKING,
    describe: 'Upload the backup to the remote storage that clickhouse-backup is configured for, and keep no local one',
  }),
  'clickhouse-backup-timeout': option(parse.duration, {
    shape: 'value',
    default: '6h',
    group: 'Backup',
    commands: CLICKHOUSE_BACKUP_PROGRAM,
    describe: 'Longest that one step of clickhouse-backup may take, and as long again until its turn comes',
  }),
  'age-recipients': option(parse.text, {
    shape: 'value',
    group: 'Backup',
    commands: [...TAKING, 'config show'],
    describe: 'File with age recipients: the backup is encrypted to them',
  }),
  'age-identity': option(parse.text, {
    shape: 'value',
    group: 'Backup',
    commands: OPENING,
    describe: 'File with the age identities that open encrypted backups',
  }),
  'gpg-passphrase-file': option(parse.text, {
    shape: 'value',
    group: 'Backup',
    commands: TAKING_AND_OPENING,
    describe: 'File whose first line is the passphrase: backups are encrypted with gpg, and opened',
  }),
  roles: option(parse.oneOf('require', 'create', 'ignore'), {
    shape: 'value',
    default: 'require',
    group: 'Backup',
    commands: ['restore postgres', 'config show'],
    describe:
      'Roles of the backup that the target lacks: refuse, create them from the backup, or leave out owners and grants',
  }),
  'lock-timeout': option(parse.duration, {
    shape: 'value',
    default: '30s',
    group: 'Backup',
    commands: ['restore postgres', 'config show'],
    describe: 'Longest wait of a restore for a lock that another session holds',
  }),
  'restart-command': option(parse.text, {
    shape: 'value',
    group: 'Backup',
    commands: ['restore postgres', 'config show'],
    describe: 'Run by sh once a restore is done, to restart obleth pods',
  }),
  replace: option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Backup',
    commands: ['restore clickhouse', 'config show'],
    describe: 'Put what the target holds aside, into a database of its own, and the backup in its place',
  }),
  'keep-last': option(parse.wholeNumber(0, 10_000), {
    shape: 'value',
    default: '3',
    group: 'Backup',
    commands: PRUNE,
    describe: 'Newest backups of each store that are kept whatever their age',
  }),
  'keep-daily': option(parse.wholeNumber(0, 10_000), {
    shape: 'value',
    default: '7',
    group: 'Backup',
    commands: PRUNE,
    describe: 'Days of which the newest backup is kept',
  }),
  'keep-weekly': option(parse.wholeNumber(0, 10_000), {
    shape: 'value',
    default: '5',
    group: 'Backup',
    commands: PRUNE,
    describe: 'Weeks of which the newest backup is kept',
  }),
  'keep-monthly': option(parse.wholeNumber(0, 10_000), {
    shape: 'value',
    default: '12',
    group: 'Backup',
    commands: PRUNE,
    describe: 'Months of which the newest backup is kept',
  }),
  'keep-yearly': option(parse.wholeNumber(0, 10_000), {
    shape: 'value',
    default: '0',
    group: 'Backup',
    commands: PRUNE,
    describe: 'Years of which the newest backup is kept',
  }),
  kind: option(parse.oneOf('systemd', 'kubernetes'), {
    shape: 'value',
    default: 'systemd',
    group: 'Backup',
    commands: SCHEDULE,
    describe: 'What makes the backups: a systemd timer, or a CronJob of Kubernetes',
  }),
  stores: option(parse.oneOf('postgres', 'redis', 'clickhouse'), {
    shape: 'list',
    separator: /[,\n]/,
    unset: 'all three',
    group: 'Backup',
    commands: SCHEDULE,
    describe: 'A store that is backed up; may be repeated',
  }),
  at: option(parse.timeOfDay, {
    shape: 'value',
    default: '02:15',
    group: 'Backup',
    commands: SCHEDULE,
    describe: 'Time of day of the backups, UTC',
  }),
  image: option(parse.text, {
    shape: 'value',
    group: 'Backup',
    commands: SCHEDULE,
    describe: 'Container image that holds obleth-ledger and the programs it drives; for Kubernetes',
  }),
  'max-backup-age': option(parse.age, {
    shape: 'value',
    default: '26h',
    group: 'Backup',
    commands: [...DOCTOR, 'pitr check'],
    describe: 'A newest backup, or base backup of an archive, that is older needs attention',
  }),
  lost: option(parse.oneOf('redis', 'postgres', 'clickhouse', 'pod'), {
    shape: 'value',
    group: 'Backup',
    commands: DOCTOR,
    describe: 'What is lost: print the steps that bring it back',
  }),
  metrics: option(parse.text, {
    shape: 'value',
    group: 'Output',
    commands: DOCTOR,
    describe: "File for Prometheus' textfile collector, written whatever is found",
  }),
  confirm: option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Backup',
    commands: PRUNE,
    describe: 'Remove what the policy does not keep, instead of showing it',
  }),
  tool: option(parse.oneOf('pgbackrest', 'barman', 'cnpg', 'native', 'clickhouse-backup'), {
    shape: 'value',
    unset: 'pgbackrest; of ClickHouse native',
    group: 'Recovery',
    commands: [...ARCHIVED_AND_SHOW, 'backup clickhouse'],
    describe:
      'What archives Postgres: pgbackrest, barman or cnpg (CloudNativePG); what backs up ClickHouse: native, its own BACKUP, or clickhouse-backup, which keeps the rows itself',
  }),
  cluster: option(parse.clusterName, {
    shape: 'value',
    default: 'obleth',
    group: 'Recovery',
    commands: ARCHIVED_AND_SHOW,
    describe: "The tool's name for the cluster: stanza, server or Cluster",
  }),
  'tool-config': option(parse.absolutePath, {
    shape: 'value',
    unset: "the tool's own",
    group: 'Recovery',
    commands: ARCHIVED_AND_SHOW,
    describe: 'Configuration file of pgBackRest or Barman; secrets of pgBackRest in conf.d beside it',
  }),
  'tool-timeout': option(parse.duration, {
    shape: 'value',
    default: '2m',
    group: 'Recovery',
    commands: ['restore postgres', ...CHECK],
    describe: 'Longest answer of the tool and of the server; a dead store would hold them up for much longer',
  }),
  'pg-data': option(parse.absolutePath, {
    shape: 'value',
    default: '/var/lib/postgresql/15/main',
    group: 'Recovery',
    commands: ARCHIVED_AND_SHOW,
    describe: 'Data directory of the cluster; its owner is the user who runs the tools',
  }),
  'pg-host': option(parse.socketOrHost, {
    shape: 'value',
    default: '/var/run/postgresql',
    group: 'Recovery',
    commands: [...RENDER, 'pitr check', 'doctor'],
    describe: "Folder of the server's socket, or its host",
  }),
  'pg-port': option(parse.wholeNumber(1, 65_535), {
    shape: 'value',
    default: '5432',
    group: 'Recovery',
    commands: [...RENDER, 'pitr check', 'doctor'],
    describe: 'Port of the server',
  }),
  'pg-user': option(parse.roleName, {
    shape: 'value',
    default: 'postgres',
    group: 'Recovery',
    commands: [...RENDER, 'pitr check', 'doctor'],
    describe: 'Role that may see the archiver; Barman has its own, barman',
  }),
  'pg-bin': option(parse.absolutePath, {
    shape: 'value',
    unset: "the usual ones of the server's version, else PATH",
    group: 'Recovery',
    commands: ARCHIVED_AND_SHOW,
    describe: "Folder of PostgreSQL's programs",
  }),
  'in-place': option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Recovery',
    commands: RESTORE_POSTGRES,
    describe: 'Recover into --pg-data itself, whose server is stopped; the old data is kept beside it',
  }),
  'max-wal-age': option(parse.age, {
    shape: 'value',
    unset: 'not looked at',
    group: 'Recovery',
    commands: CHECK,
    describe:
      'Age of the last commit in the archive that is too old, 10m; a server that nobody writes to looks old, too',
  }),
  repository: option(parse.repository, {
    shape: 'value',
    unset: "the tool's usual folder",
    group: 'Recovery',
    commands: RENDER,
    describe: 'Where base backups and WAL go: a folder or s3://bucket/prefix',
  }),
  'encrypt-repository': option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Recovery',
    commands: RENDER,
    describe: 'Encrypt what is archived: pgBackRest by a passphrase, the others in the bucket (AES256)',
  }),
  'recovery-window': option(parse.wholeNumber(1, 3650), {
    shape: 'value',
    default: '14',
    group: 'Recovery',
    commands: RENDER,
    describe: 'Days back to which a recovery stays possible',
  }),
  's3-region': option(parse.regionName, {
    shape: 'value',
    default: 'us-east-1',
    group: 'Recovery',
    commands: RENDER,
    describe: 'Region of the bucket',
  }),
  namespace: option(parse.kubernetesName, {
    shape: 'value',
    default: 'obleth',
    group: 'Recovery',
    commands: [...RENDER, 'backup render'],
    describe: 'Namespace of the Cluster, or of the CronJobs',
  }),
  's3-secret': option(parse.kubernetesName, {
    shape: 'value',
    default: 'obleth-archive-s3',
    group: 'Recovery',
    commands: RENDER,
    describe: "Name of the Kubernetes secret with the bucket's keys",
  }),
  'cnpg-form': option(parse.oneOf('plugin', 'in-tree'), {
    shape: 'value',
    default: 'plugin',
    group: 'Recovery',
    commands: RENDER,
    describe: 'plugin: ObjectStore of the Barman Cloud plugin; in-tree: the deprecated form within the Cluster',
  }),
  target: option(parse.oneOf('none', 'embedded', 'server'), {
    shape: 'value',
    default: 'embedded',
    group: 'Bench',
    commands: BENCH,
    describe:
      'Ledger to measure with: none (decode and order only), embedded, or a database on --clickhouse-url that is made for it and dropped',
  }),
  records: option(parse.wholeNumber(1, 1_000_000_000), {
    shape: 'value',
    default: '500000',
    group: 'Bench',
    commands: BENCH,
    describe: 'Records to generate where no source is named, a tenth of them copies',
  }),
  seed: option(parse.text, {
    shape: 'value',
    default: '1',
    group: 'Bench',
    commands: BENCH,
    describe: 'The same seed generates the same records',
  }),
  sample: option(parse.byteSize(MIB), {
    shape: 'value',
    default: '256MiB',
    group: 'Bench',
    commands: BENCH,
    describe: 'About how much of the sources is replayed in each round; the time for all of them is worked out from it',
  }),
  rounds: option(parse.wholeNumber(1, 100), {
    shape: 'value',
    default: '3',
    group: 'Bench',
    commands: BENCH,
    describe: 'Times that it is measured; the table shows medians',
  }),
  report: option(parse.text, {
    shape: 'value',
    group: 'Output',
    commands: AUDIT_AND_BILL,
    describe: 'HTML: of a bill the directory for an index and a page for each tenant, of an audit the one page',
  }),
  config: option(parse.text, {
    shape: 'value',
    file: 'no',
    unset: 'obleth-ledger.yaml, where there is one',
    group: 'Output',
    commands: ANY,
    describe: 'File with options',
  }),
  json: option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Output',
    commands: ANY,
    describe: 'Print one JSON document on stdout',
  }),
  quiet: option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Output',
    commands: ANY,
    describe: 'No progress and no summary, only warnings and errors',
  }),
  verbose: option(parse.flag, {
    shape: 'switch',
    default: 'false',
    group: 'Output',
    commands: ANY,
    describe: 'Every warning in full, and the stack of an unexpected error',
  }),
  'no-color': option(parse.flag, {
    shape: 'switch',
    default: 'false',
    alsoFrom: { name: 'NO_COLOR', anyTextMeans: 'true' },
    group: 'Output',
    commands: ANY,
    describe: 'No colours',
  }),
} as const satisfies Record<string, OptionSpec<unknown>>

export type OptionName = keyof typeof OPTIONS

type ValueOf<S> = S extends { parse: parse.Parser<infer T> } ? T : never

/** What the options mean, a property each under the option's own name. Lists are empty where nothing is set. */
export type OptionValues = {
  readonly [N in OptionName]: (typeof OPTIONS)[N] extends { shape: 'list' }
    ? readonly ValueOf<(typeof OPTIONS)[N]>[]
    : (typeof OPTIONS)[N] extends { default: string }
      ? ValueOf<(typeof OPTIONS)[N]>
      : ValueOf<(typeof OPTIONS)[N]> | undefined
}

/** The table seen without its types, for loops over it. */
export const OPTION_LIST: readonly (OptionSpec<unknown> & { readonly name: OptionName })[] = Object.entries(
  OPTIONS as Record<string, OptionSpec<unknown>>,
).map(([name, spec]) => ({ ...spec, name: name as OptionName }))

export const isOptionName = (name: string): name is OptionName => Object.hasOwn(OPTIONS, name)

export const ENV_PREFIX = 'OBLETH_LEDGER_'

/** `state-dir` → `OBLETH_LEDGER_STATE_DIR`. */
export const envName = (name: OptionName): string => ENV_PREFIX + name.toUpperCase().replaceAll('-', '_')
