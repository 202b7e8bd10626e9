import { stringify } from 'yaml'
import type { ScheduleOptions } from '../../domain/backup.js'
import { LedgerError } from '../../domain/errors.js'
import { isS3 } from '../storage/open.js'
import { commandsOf, VARIABLES } from './commands.js'

const NAME = 'obleth-ledger-backup'
const VOLUME = '/backups'
const DAY_SECONDS = 24 * 3600

/**
 * A CronJob for each store: the backup is the init container, so that nothing is pruned where it fails. Passwords come from
 * a Secret that the user makes.
 *
 * @throws LedgerError `usage` where no image is named
 */
export function renderKubernetes(options: ScheduleOptions): string {
  const { stores, backups, image, namespace } = options
  if (image === undefined)
    throw new LedgerError('usage', 'a CronJob needs an image', {
      hint: 'name one with --image: it has to hold obleth-ledger and the clients that it drives (postgresql-client, redis-tools)',
    })
  const secrets = [...VARIABLES, ...(isS3(backups) ? ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_REGION'] : [])]
  const head = [
    `# Before this is applied, namespace ${namespace} needs a Secret ${NAME} whose keys are the variables that are`,
    `# used of these: ${secrets.join(', ')}`,
    ...(isS3(backups) ? [] : [`# and a PersistentVolumeClaim ${NAME} that holds the backups.`]),
  ]
  const jobs = stores.map((store) => stringify(cronJob(store, image, options), { lineWidth: 0 }))
  return `${head.join('\n')}\n${jobs.join('---\n')}`
}

function cronJob(store: string, image: string, { minuteOfDay, backups, namespace }: ScheduleOptions): object {
  const inBucket = isS3(backups)
  const [backup, prune] = commandsOf(store, inBucket ? backups : VOLUME)
  const container = (name: string, command: readonly string[]) => ({
    name,
    image,
    command,
    envFrom: [{ secretRef: { name: NAME } }],
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    ...(inBucket ? {} : { volumeMounts: [{ name: 'backups', mountPath: VOLUME }] }),
  })
  const pod = {
    restartPolicy: 'Never',
    initContainers: [container('backup', backup)],
    containers: [container('prune', prune)],
    ...(inBucket ? {} : { volumes: [{ name: 'backups', persistentVolumeClaim: { claimName: NAME } }] }),
  }
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: `${NAME}-${store}`, namespace },
    spec: {
      schedule: `${minuteOfDay % 60} ${Math.floor(minuteOfDay / 60)} * * *`,
      timeZone: 'Etc/UTC',
      concurrencyPolicy: 'Forbid',
      jobTemplate: { spec: { backoffLimit: 1, activeDeadlineSeconds: DAY_SECONDS, template: { spec: pod } } },
    },
  }
}
