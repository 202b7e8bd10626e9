import { ARCHIVED_AND_SHOW, CHECK, RENDER, RESTORE_POSTGRES } from '../command-sets.js'
import { option } from '../option.js'
import * as parse from '../parsers.js'

export const RECOVERY_OPTIONS = {
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
} as const
