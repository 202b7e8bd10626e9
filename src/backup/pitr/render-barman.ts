import { LedgerError } from '../../domain/errors.js'
import type { RenderedFile, RenderOptions } from '../../domain/pitr.js'
import { shellLine } from '../../domain/shell-line.js'
import { forPostgres } from './instant.js'
import { connectionString, postgresValue } from './quoting.js'
import { renderBarmanCloud } from './render-barman-cloud.js'
import { textOf } from './text.js'

const USUAL_HOME = '/var/lib/barman'
const USUAL_CONFIG = '/etc/barman.conf'
/** Role in the server, and user of the machine, so that the socket lets it in. */
const BARMAN = 'barman'
/** Names that Barman keeps to itself. */
const RESERVED = ['barman', 'all']

/**
 * Configuration of a cluster that Barman archives: into a folder by a Barman server that streams the WAL, into a bucket by
 * the programs barman-cloud-*: Barman 3.4, PostgreSQL 13.
 *
 * @throws LedgerError `usage` for a name that Barman keeps to itself, and for encryption in a folder
 */
export function renderBarman(options: RenderOptions): RenderedFile[] {
  const { cluster, repository, encrypted } = options
  if (RESERVED.includes(cluster.name))
    throw new LedgerError('usage', `Barman keeps the name ${cluster.name} to itself`, {
      hint: 'name the cluster otherwise with --cluster',
    })
  if (repository?.kind === 's3') return renderBarmanCloud(options, repository)
  if (encrypted)
    throw new LedgerError('usage', 'Barman does not encrypt what it keeps in a folder', {
      hint: 'leave --encrypt-repository out and encrypt the disk, or use --tool pgbackrest',
    })
  const home = repository?.path ?? USUAL_HOME
  const config = cluster.toolConfig ?? USUAL_CONFIG
  return [
    { name: 'postgresql-archiving.conf', place: `${cluster.dataDir}/postgresql.conf`, text: streamingSettings() },
    { name: 'barman.conf', place: config, text: serverConfig(options, home) },
    { name: 'first-commands.sh', place: 'run as the user barman', text: serverCommands(options) },
  ]
}

function streamingSettings(): string {
  return textOf(
    '# For Barman, which streams the WAL. Append to postgresql.conf; a change of these needs a restart.',
    `wal_level = ${postgresValue('replica')}`,
    'max_wal_senders = 10',
    'max_replication_slots = 10',
    '# A slot keeps the WAL that Barman has not got. Rather lose the slot than fill the disk of a living server.',
    `max_slot_wal_keep_size = ${postgresValue('50GB')}`,
    '',
    '# Once, as a superuser:',
    `#   CREATE ROLE ${BARMAN} SUPERUSER REPLICATION LOGIN;`,
    '# pg_hba.conf, where Barman runs on this machine (elsewhere: host, its address, scram-sha-256, and its ~/.pgpass):',
    `#   local all         ${BARMAN} peer`,
    `#   local replication ${BARMAN} peer`,
  )
}

function serverConfig({ cluster, windowDays }: RenderOptions, home: string): string {
  const { name, host, port, programs } = cluster
  const server = { host, port, user: BARMAN }
  return textOf(
    '[barman]',
    `barman_user = ${BARMAN}`,
    '; On another disk than the data, better on another machine.',
    `barman_home = ${home}`,
    `barman_lock_directory = ${home}`,
    `log_file = ${home}/barman.log`,
    ...(programs === undefined
      ? []
      : ["; pg_basebackup and pg_receivewal of the server's version.", `path_prefix = ${programs}`]),
    '',
    `[${name}]`,
    `description = ${name}`,
    '; Without passwords: those come from the ~/.pgpass of barman.',
    `conninfo = ${connectionString({ ...server, dbname: 'postgres' })}`,
    `streaming_conninfo = ${connectionString(server)}`,
    'backup_method = postgres',
    '; The WAL is streamed as it is written: a loss of the server costs seconds.',
    'streaming_archiver = on',
    'slot_name = barman',
    'create_slot = auto',
    'compression = gzip',
    `; A recovery to any moment of the last ${windowDays} days stays possible.`,
    `retention_policy = RECOVERY WINDOW OF ${windowDays} DAYS`,
    'minimum_redundancy = 1',
  )
}

function serverCommands({ cluster, toUs }: RenderOptions): string {
  const { name, toolConfig } = cluster
  const barman = shellLine(['barman', ...(toolConfig === undefined ? [] : ['-c', toolConfig])])
  const first = `${barman} switch-wal --force --archive`
  const recovery =
    toUs === undefined
      ? []
      : [
          '',
          '# A recovery, with the newest backup that ended before the moment: list-backups names them. The offset is part of',
          '# the time. Barman restores to a moment later than the archive without a word, and the server then does not start:',
          '# obleth-ledger pitr check --tool barman says what the archive has.',
          `# ${barman} recover --target-time ${shellLine([forPostgres(toUs)])} --target-action promote ${name} BACKUP NEW-DIRECTORY`,
        ]
  return textOf(
    '#!/bin/sh',
    '# Once the configuration is in its place and the server has been restarted; as the user barman.',
    'set -eu',
    '# Makes the slot and begins to stream; Debian has a crontab that does so each minute.',
    `${barman} cron`,
    '# The check wants a first segment, and a first backup. A segment that is closed before the receiver is up does not',
    '# come: then the next one does.',
    `${first} --archive-timeout 30 ${name} || ${first} --archive-timeout 60 ${name}`,
    `${barman} backup --wait ${name}`,
    `${barman} check ${name}`,
    `${barman} list-backups ${name}`,
    '',
    '# In the crontab of barman:',
    `# * * * * *     ${barman} cron`,
    `# 15 1 * * *    ${barman} backup ${name}`,
    ...recovery,
  )
}
