import { LedgerError } from '../../domain/errors.js'
import type {
  AgeLimits,
  ArchivedCluster,
  BaseBackup,
  PitrCheck,
  PitrFinding,
  ServerArchiving,
} from '../../domain/pitr.js'
import type { ProgramOptions } from '../program.js'
import type { Archive, Archived } from './archive.js'
import { barmanArchive } from './barman.js'
import { microsecondsOf } from './instant.js'
import { actingAsOwner } from './owner.js'
import { pgbackrestArchive } from './pgbackrest.js'
import { postgresProgram } from './programs.js'
import { askServer } from './server.js'
import { recoverable } from './window.js'

/**
 * Says whether the cluster is archived, and which moments can be recovered. pgBackRest's own check makes the server close
 * its segment of WAL and waits until it is archived; apart from that nothing is changed anywhere.
 *
 * @throws LedgerError `source_not_found` where the tool does not know the cluster, `access_denied` for a wrong
 *   passphrase or user, `target_unreachable` where the tool does not answer in time
 */
export async function checkPitr(
  cluster: ArchivedCluster,
  limits: AgeLimits,
  nowMs: number,
  signal: AbortSignal,
): Promise<PitrCheck> {
  const options = await actingAsOwner(cluster, signal)
  const archive = archiveOf(cluster, options)
  const asked = await askServer(cluster, options)
  const server = 'unreachable' in asked ? null : asked
  const findings: PitrFinding[] =
    'unreachable' in asked ? [unreachable(asked.unreachable)] : archivingOf(asked, cluster)
  // Before the tool's check, which hangs much longer on a dead store.
  const known = await archive.look()
  const failed = server === null ? null : await archive.check()
  if (failed !== null) findings.push(toolFailed(failed, cluster))
  const archived = server === null ? known : await archive.look()
  const waldump = await postgresProgram('pg_waldump', archived.postgres, cluster.programs)
  const { backups, window } = await recoverable(archived, waldump, options)
  findings.push(...backupsOf(backups, limits, nowMs, cluster))
  if (backups.length > 0 && window === null) findings.push(noWindow(backups, archived))
  const age = window === null ? 0 : nowMs - Number(microsecondsOf(window.before) / 1000n)
  if (limits.walMs !== undefined && age > limits.walMs) findings.push(walTooOld(window?.before ?? '', age))
  return { tool: cluster.tool, cluster: cluster.name, server, backups, newestWal: archived.newestWal, window, findings }
}

/** @throws LedgerError `usage` for CloudNativePG, which is asked by kubectl */
function archiveOf(cluster: ArchivedCluster, options: ProgramOptions): Archive {
  if (cluster.tool === 'pgbackrest') return pgbackrestArchive(cluster, options)
  if (cluster.tool === 'barman') return barmanArchive(cluster, options)
  throw new LedgerError('usage', 'the state of CloudNativePG is known to its operator only', {
    hint: `kubectl get objectstore,backup -o yaml shows serverRecoveryWindow: its firstRecoverabilityPoint and lastSuccessfulBackupTime`,
  })
}

const render = ({ tool }: ArchivedCluster) => `obleth-ledger pitr render --tool ${tool} shows the settings`

const unreachable = (said: string): PitrFinding => ({
  class: 'server_unreachable',
  message: `the server does not answer: ${said}`,
  hint: 'name its socket or host, port and user with --pg-host, --pg-port and --pg-user; what is archived can be recovered without it',
})

function archivingOf(server: ServerArchiving, cluster: ArchivedCluster): PitrFinding[] {
  const { walLevel, archiveMode, failing, lastFailedWal, lastFailedAt, lastArchivedAt } = server
  const findings: PitrFinding[] = []
  // Barman may stream the WAL instead; its own check looks after that.
  if (cluster.tool === 'pgbackrest' && (walLevel === 'minimal' || archiveMode === 'off'))
    findings.push({
      class: 'archiving_off',
      message: `the server archives nothing: wal_level is ${walLevel}, archive_mode is ${archiveMode}`,
      hint: `${render(cluster)}; both need a restart of the server`,
    })
  if (failing)
    findings.push({
      class: 'archiving_failing',
      message: `archiving fails: ${lastFailedWal} at ${lastFailedAt}, the last success was ${lastArchivedAt ?? 'never'}`,
      hint: "the server's log says why; until it works WAL piles up in pg_wal, and nothing newer can be recovered",
    })
  return findings
}

const toolFailed = (said: string, { tool, name }: ArchivedCluster): PitrFinding => ({
  class: 'tool_check_failed',
  message: `the check of ${tool} itself fails: ${said}`,
  hint: tool === 'barman' ? `run barman check ${name}` : `run pgbackrest --stanza=${name} check as the cluster's owner`,
})

function backupsOf(
  backups: readonly BaseBackup[],
  { backupMs }: AgeLimits,
  nowMs: number,
  { tool, name }: ArchivedCluster,
): PitrFinding[] {
  const newest = backups.at(-1)
  const hint = tool === 'barman' ? `barman backup ${name}` : `pgbackrest --stanza=${name} backup`
  if (newest === undefined)
    return [
      {
        class: 'no_backup',
        message: 'there is no base backup on the way to the newest timeline: nothing can be recovered',
        hint,
      },
    ]
  const findings: PitrFinding[] = backups
    .filter(({ damaged }) => damaged)
    .map(({ label }) => ({
      class: 'backup_damaged',
      message: `${label} was taken of a cluster with damaged pages`,
      hint: 'check the disk, and use an older backup; pgbackrest info says more',
    }))
  const age = nowMs - Date.parse(newest.stoppedAt)
  if (backupMs !== undefined && age > backupMs)
    findings.push({
      class: 'backup_too_old',
      message: `the newest base backup is of ${newest.stoppedAt}, older than --max-backup-age`,
      hint,
    })
  return findings
}

const noWindow = (backups: readonly BaseBackup[], { newestWal }: Archived): PitrFinding => ({
  class: 'no_window',
  message: `no moment can be recovered but the end of a backup: the archive, up to ${newestWal ?? 'nothing'}, has no commit later than a second after the backup ${backups[0]?.label}`,
  hint: 'commit something and let the server close its segment (SELECT pg_switch_wal()), then check again',
})

const walTooOld = (before: string, ageMs: number): PitrFinding => ({
  class: 'wal_too_old',
  message: `the last commit in the archive is of ${before}, ${Math.round(ageMs / 60_000)} minutes ago, older than --max-wal-age`,
  hint: 'what was committed since cannot be recovered; archive_timeout bounds that. A server that nobody writes to looks the same',
})
