import type { RenderedFile, RenderOptions, Repository } from '../../domain/pitr.js'
import { shellLine } from '../../domain/shell-line.js'
import { forPostgres } from './instant.js'
import { postgresValue } from './quoting.js'
import { textOf } from './text.js'

type S3Repository = Extract<Repository, { kind: 's3' }>

/** Configuration of a cluster whose base backups and WAL the programs barman-cloud-* bring into a bucket: 3.4. */
export function renderBarmanCloud(options: RenderOptions, repository: S3Repository): RenderedFile[] {
  const { dataDir } = options.cluster
  return [
    {
      name: 'postgresql-archiving.conf',
      place: `${dataDir}/postgresql.conf`,
      text: bucketSettings(options, repository),
    },
    { name: 'first-commands.sh', place: "run as the cluster's owner", text: bucketCommands(options, repository) },
  ]
}

const bucketUrl = ({ bucket, prefix }: S3Repository) => `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`

/** Arguments that name the store; the keys come from `~/.aws/credentials`. */
const storeArguments = ({ s3 }: RenderOptions) => (s3.endpoint === undefined ? [] : ['--endpoint-url', s3.endpoint])

const encryption = ({ encrypted }: RenderOptions) => (encrypted ? ['--encryption', 'AES256'] : [])

function bucketSettings(options: RenderOptions, repository: S3Repository): string {
  const args = [
    ...storeArguments(options),
    '--gzip',
    ...encryption(options),
    bucketUrl(repository),
    options.cluster.name,
  ]
  return textOf(
    '# Continuous archiving by barman-cloud. Append to postgresql.conf; wal_level and archive_mode need a restart.',
    `wal_level = ${postgresValue('replica')}`,
    `archive_mode = ${postgresValue('on')}`,
    `# The keys stand in ~/.aws/credentials of the cluster's owner (0600), the region ${options.s3Region} in ~/.aws/config.`,
    `archive_command = ${postgresValue(`${shellLine(['barman-cloud-wal-archive', ...args])} %p`)}`,
    '# A segment that is not full is archived after a minute: the most that a loss of this machine can cost.',
    `archive_timeout = ${postgresValue('60s')}`,
  )
}

function bucketCommands(options: RenderOptions, repository: S3Repository): string {
  const { cluster, windowDays, toUs } = options
  const { host, port, user, name } = cluster
  const store = storeArguments(options)
  const place = [bucketUrl(repository), name]
  const server = ['--host', host, '--port', String(port), '--user', user]
  const command = (program: string, ...args: string[]) => shellLine([program, ...store, ...args, ...place])
  const backup = command('barman-cloud-backup', '--gzip', ...encryption(options), ...server)
  const expire = command('barman-cloud-backup-delete', '--retention-policy', `RECOVERY WINDOW OF ${windowDays} DAYS`)
  const recovery =
    toUs === undefined
      ? []
      : [
          '',
          '# A recovery, with the newest backup that ended before the moment. Then, in postgresql.auto.conf of the new',
          '# directory (the offset is part of the time), and an empty file recovery.signal beside it:',
          `# ${command('barman-cloud-restore')} BACKUP NEW-DIRECTORY`,
          `#   restore_command = ${postgresValue(`${command('barman-cloud-wal-restore')} %f %p`)}`,
          `#   recovery_target_time = ${postgresValue(forPostgres(toUs))}`,
          `#   recovery_target_action = ${postgresValue('promote')}`,
        ]
  return textOf(
    '#!/bin/sh',
    "# Once the server has been restarted with the new settings; as the cluster's owner.",
    'set -eu',
    command('barman-cloud-check-wal-archive'),
    backup,
    command('barman-cloud-backup-list'),
    '',
    "# In the owner's crontab:",
    `# 15 1 * * *  ${backup}`,
    `# 15 3 * * *  ${expire}`,
    ...recovery,
  )
}
