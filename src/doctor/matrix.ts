import type { MatrixRow } from '../domain/doctor.js'
import { Commands } from './commands.js'
import { type Deployment, mayBeBackedUp } from './deployment.js'

/** Folder for a bundle that runbooks name. */
export const BUNDLE = './obleth-ledger-bundle'

const at = (ms: number): string => new Date(ms).toISOString()

const UNREAD = 'the backups could not be looked at'

/** What the loss of each store, and of a pod, would mean here: DOMAIN section 1 with this deployment's own values. */
export function failureMatrix(deployment: Deployment): MatrixRow[] {
  const commands = new Commands(deployment)
  return [
    redisRow(deployment, commands),
    postgresRow(deployment, commands),
    clickhouseRow(deployment, commands),
    podRow(deployment, commands),
  ]
}

function redisRow(deployment: Deployment, commands: Commands): MatrixRow {
  const newest = deployment.newest.get('redis')?.startedMs ?? null
  return {
    lost: 'redis',
    impact: 'the cache is cold and live token budgets start anew; nothing is lost for good',
    recoverable:
      newest === null
        ? 'all but the budgets: obleth rebuilds it from Postgres on first use'
        : `all but the budgets by itself, on first use; with them as of ${at(newest)}`,
    untilMs: newest,
    commands: mayBeBackedUp(deployment, 'redis') ? [commands.restore('redis')] : [],
  }
}

function postgresRow(deployment: Deployment, commands: Commands): MatrixRow {
  const { window, backupsUnread } = deployment
  const newest = deployment.newest.get('postgres')?.startedMs ?? null
  const dump = mayBeBackedUp(deployment, 'postgres') ? [commands.restore('postgres')] : []
  const impact = 'tenants, API keys, models, settings and the audit log are gone: only a backup brings them back'
  if (window !== null)
    return {
      lost: 'postgres',
      impact,
      recoverable: `any moment from ${window.from} to before ${window.before}`,
      untilMs: Date.parse(window.before),
      commands: [commands.restoreArchived(), ...dump],
    }
  const without = backupsUnread === null ? 'nothing: there is no backup' : `nobody knows: ${UNREAD}`
  const recoverable = newest === null ? without : `the state of ${at(newest)}`
  return { lost: 'postgres', impact, recoverable, untilMs: newest, commands: dump }
}

function clickhouseRow(deployment: Deployment, commands: Commands): MatrixRow {
  const newest = deployment.newest.get('clickhouse')?.startedMs ?? null
  const without = deployment.backupsUnread === null ? 'there is no backup' : UNREAD
  return {
    lost: 'clickhouse',
    impact: "usage and billing history is gone, save what backups and the pods' WAL files hold",
    recoverable:
      newest === null
        ? `what the pods' WAL files still hold: ${without}`
        : `the history as of ${at(newest)}, and behind it what the pods' WAL files hold`,
    untilMs: newest,
    commands: [
      commands.collect(BUNDLE),
      ...(mayBeBackedUp(deployment, 'clickhouse') ? [commands.restore('clickhouse')] : []),
      commands.replay(BUNDLE),
    ],
  }
}

function podRow({ wal }: Deployment, commands: Commands): MatrixRow {
  return {
    lost: 'pod',
    impact: 'its requests in flight, and the records of its WAL that ClickHouse did not have yet',
    recoverable:
      wal === null
        ? 'what its volume still holds; an emptyDir goes with the pod'
        : `what its volume still holds; ${wal.files} WAL files of ${wal.pods} pods are in sight now`,
    untilMs: null,
    commands: [commands.collect(BUNDLE), commands.replay(BUNDLE), commands.audit(BUNDLE)],
  }
}
