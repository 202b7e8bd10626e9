import { LedgerError } from '../../domain/errors.js'
import type { ArchivedCluster, RenderedFile, RenderOptions, Repository } from '../../domain/pitr.js'
import { shellLine } from '../../domain/shell-line.js'
import { s3Address } from './endpoint.js'
import { forPostgres } from './instant.js'
import { secretsFolder } from './pgbackrest.js'
import { postgresValue } from './quoting.js'
import { textOf } from './text.js'

const USUAL_REPOSITORY: Repository = { kind: 'folder', path: '/var/lib/pgbackrest' }
const USUAL_CONFIG = '/etc/pgbackrest/pgbackrest.conf'

/**
 * Configuration of a cluster that pgBackRest archives, on the server's own machine: pgBackRest 2.45, PostgreSQL 13.
 *
 * @throws LedgerError `usage` for a server elsewhere, and for a store without TLS
 */
export function renderPgbackrest(options: RenderOptions): RenderedFile[] {
  const { cluster } = options
  if (!cluster.host.startsWith('/'))
    throw new LedgerError('usage', "pgBackRest runs on the server's own machine, and asks it by its socket", {
      hint: 'give the folder of the socket with --pg-host',
    })
  const config = cluster.toolConfig ?? USUAL_CONFIG
  const secrets = secretNames(options)
  return [
    { name: 'postgresql-archiving.conf', place: `${cluster.dataDir}/postgresql.conf`, text: serverSettings(options) },
    { name: 'pgbackrest.conf', place: config, text: toolConfig(options, secrets) },
    { name: 'first-commands.sh', place: "run as the cluster's owner", text: firstCommands(options, config, secrets) },
  ]
}

function serverSettings(options: RenderOptions): string {
  const push = `${pgbackrest(options.cluster, secretNames(options))} archive-push %p`
  return textOf(
    '# Continuous archiving by pgBackRest. Append to postgresql.conf; wal_level and archive_mode need a restart.',
    `wal_level = ${postgresValue('replica')}`,
    `archive_mode = ${postgresValue('on')}`,
    '# Asked for each segment; the server keeps a segment until this succeeds.',
    `archive_command = ${postgresValue(push)}`,
    '# A segment that is not full is archived after a minute: the most that a loss of this machine can cost.',
    `archive_timeout = ${postgresValue('60s')}`,
  )
}

function toolConfig(
  { cluster, repository = USUAL_REPOSITORY, encrypted, windowDays, ...rest }: RenderOptions,
  secrets: readonly string[],
): string {
  return textOf(
    '# pgBackRest. Readable for the owner of the cluster, who runs it; never run it as root.',
    '[global]',
    ...repositoryLines(repository, rest),
    ...(encrypted ? ['repo1-cipher-type=aes-256-cbc'] : []),
    ...(secrets.length === 0
      ? []
      : [
          `# Secrets stand in a file of ${secretsFolder(cluster.toolConfig ?? USUAL_CONFIG)}, mode 0600, under [global]:`,
          ...secrets.map((name) => `#   ${name}=…`),
        ]),
    `# A recovery to any moment of the last ${windowDays} days stays possible; older full backups are removed.`,
    'repo1-retention-full-type=time',
    `repo1-retention-full=${windowDays}`,
    '# Begin a backup at once, not at the next checkpoint.',
    'start-fast=y',
    '# What fails is told in the log of the server, too.',
    'log-level-stderr=warn',
    '',
    `[${cluster.name}]`,
    `pg1-path=${cluster.dataDir}`,
    `pg1-socket-path=${cluster.host}`,
    `pg1-port=${cluster.port}`,
    `pg1-user=${cluster.user}`,
  )
}

function repositoryLines(repository: Repository, { s3, s3Region }: Pick<RenderOptions, 's3' | 's3Region'>): string[] {
  if (repository.kind === 'folder')
    return ['# On another disk than the data, better on another machine.', `repo1-path=${repository.path}`]
  const { host, port } = s3Address(s3.endpoint, s3Region)
  return [
    'repo1-type=s3',
    `repo1-path=/${repository.prefix}`,
    `repo1-s3-bucket=${repository.bucket}`,
    `repo1-s3-endpoint=${host}`,
    ...(port === '' ? [] : [`repo1-storage-port=${port}`]),
    `repo1-s3-region=${s3Region}`,
    ...(s3.pathStyle ? ['repo1-s3-uri-style=path'] : []),
    '# A store that does not answer is given up sooner.',
    'io-timeout=30',
  ]
}

const secretNames = ({ repository, encrypted }: RenderOptions): string[] => [
  ...(repository?.kind === 's3' ? ['repo1-s3-key', 'repo1-s3-key-secret'] : []),
  ...(encrypted ? ['repo1-cipher-pass'] : []),
]

/** The command as the server calls it, whose folder of secrets has to be named where its configuration is. */
function pgbackrest({ name, toolConfig }: ArchivedCluster, secrets: readonly string[]): string {
  return shellLine([
    'pgbackrest',
    ...(toolConfig === undefined ? [] : [`--config=${toolConfig}`]),
    ...(toolConfig === undefined || secrets.length === 0 ? [] : [`--config-include-path=${secretsFolder(toolConfig)}`]),
    `--stanza=${name}`,
  ])
}

function firstCommands({ cluster, toUs }: RenderOptions, config: string, secrets: readonly string[]): string {
  const tool = pgbackrest(cluster, secrets)
  const recovery =
    toUs === undefined
      ? []
      : [
          '',
          '# A recovery, into an empty folder beside the cluster; obleth-ledger restore postgres --to does this and checks',
          '# first that the moment is in the archive. The offset is part of the time.',
          `# ${tool} --type=time ${shellLine([`--target=${forPostgres(toUs)}`])} --target-action=promote --archive-mode=off --pg1-path=… restore`,
        ]
  return textOf(
    '#!/bin/sh',
    `# Once ${shellLine([config])} is in its place and the server has been restarted; as the cluster's owner.`,
    'set -eu',
    '# Makes the stanza, then has the server archive a segment and waits for it.',
    `${tool} stanza-create`,
    `${tool} check`,
    `${tool} --type=full backup`,
    `${tool} info`,
    '',
    "# In the owner's crontab: a full backup on Sundays, differences on the other days, and a look at both.",
    `# 15 1 * * 0    ${tool} --type=full backup`,
    `# 15 1 * * 1-6  ${tool} --type=diff backup`,
    `# */10 * * * *  obleth-ledger pitr check --quiet --cluster ${cluster.name} --pg-data ${shellLine([cluster.dataDir])}${cluster.toolConfig === undefined ? '' : ` --tool-config ${shellLine([cluster.toolConfig])}`} --max-backup-age 26h`,
    ...recovery,
  )
}
