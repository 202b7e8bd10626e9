import { existsSync } from 'node:fs'
import { LedgerError } from '../../domain/errors.js'
import type {
  ArchivedCluster,
  BaseBackup,
  PitrRestoreOptions,
  PitrRestorePlan,
  RecoveryWindow,
} from '../../domain/pitr.js'
import { shellLine } from '../../domain/shell-line.js'
import { type ProgramOptions, run } from '../program.js'
import { forPostgres, inUtc, inZone, localZone, microsecondsOf } from './instant.js'
import { actingAsOwner } from './owner.js'
import { hasTablespaces, pgbackrestArchive, refusal, stanzaArguments } from './pgbackrest.js'
import { postgresProgram } from './programs.js'
import { postgresValue } from './quoting.js'
import { assertNewDirectory, assertStopped, makeUnfinished, putInPlace, removeTree } from './target-dir.js'
import { type Branch, lsnText } from './timelines.js'
import { recoverable, recoverableFrom } from './window.js'

/**
 * Works out a point-in-time restore of pgBackRest, and changes nothing. pgBackRest itself accepts a moment that is not in
 * the archive, and reports success: only the server, once started, finds that it never comes to its target.
 *
 * @throws LedgerError `refused` for a moment outside the window, a directory in use, too small a disk, tablespaces;
 *   `source_not_found` where there is no backup
 */
export async function planPitrRestore(
  options: PitrRestoreOptions,
  nowMs: number,
  signal: AbortSignal,
): Promise<PitrRestorePlan> {
  const { cluster, toUs, into } = options
  const acting = await actingAsOwner(cluster, signal)
  const freeBytes = await (into === undefined
    ? assertStopped(cluster.dataDir)
    : assertNewDirectory(into, cluster.dataDir))
  const archived = await pgbackrestArchive(cluster, acting).look()
  const waldump = await postgresProgram('pg_waldump', archived.postgres, cluster.programs)
  const { backups, timeline, branches, window } = await recoverable(archived, waldump, acting)
  if (backups.length === 0)
    throw new LedgerError('source_not_found', 'the stanza has no base backup on the way to its newest timeline', {
      place: cluster.name,
      hint: 'see whether --cluster and --tool-config name the right stanza; obleth-ledger backups list shows full dumps',
    })
  const backup = backups.findLast((candidate) => recoverableFrom(candidate) <= toUs)
  if (window === null || backup === undefined || toUs >= microsecondsOf(window.before))
    throw outside(toUs, window, cluster)
  await assertRestorable(cluster, backup, freeBytes, acting)
  const zone = localZone()
  const place = placeOf(options, nowMs)
  const pgCtl = await postgresProgram('pg_ctl', archived.postgres, cluster.programs)
  return {
    tool: cluster.tool,
    cluster: cluster.name,
    target: { utc: inUtc(toUs), local: inZone(toUs, zone), zone },
    window,
    backup,
    timeline,
    branchedOff: branchedOff(branches),
    ...place,
    freeBytes,
    next: nextCommands(place, pgCtl),
  }
}

type Place = Pick<PitrRestorePlan, 'into' | 'keptAs' | 'archiving'>

function placeOf({ cluster: { dataDir }, into }: PitrRestoreOptions, nowMs: number): Place {
  if (into !== undefined) return { into, keptAs: null, archiving: false }
  return { into: dataDir, keptAs: existsSync(dataDir) ? `${dataDir}.before-${stamp(nowMs)}` : null, archiving: true }
}

function branchedOff(branches: readonly Branch[]): PitrRestorePlan['branchedOff'] {
  const last = branches.at(-1)
  return last === undefined ? null : { timeline: last.timeline, lsn: lsnText(last.lsn) }
}

const stamp = (ms: number) => new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '')

function outside(toUs: bigint, window: RecoveryWindow | null, { name }: ArchivedCluster): LedgerError {
  const asked = `${inUtc(toUs)} (here ${inZone(toUs, localZone())})`
  const what =
    window === null
      ? 'the archive has no commit after a base backup'
      : `moments from ${window.from} on, and before ${window.before}, can be recovered`
  return new LedgerError('refused', `${asked} cannot be recovered: ${what}`, {
    place: name,
    hint:
      window === null
        ? 'obleth-ledger pitr check shows what the archive has'
        : 'name a moment within; for a later one let the server, if it lives, archive its segment (SELECT pg_switch_wal())',
  })
}

async function assertRestorable(
  cluster: ArchivedCluster,
  { label, bytes }: BaseBackup,
  freeBytes: number,
  acting: ProgramOptions,
): Promise<void> {
  if (bytes > freeBytes)
    throw new LedgerError(
      'refused',
      `the cluster has ${bytes} bytes, the disk where it is to be restored ${freeBytes}`,
      {
        place: label,
        hint: 'free some space, or name a folder on a larger disk with --into; nothing was changed',
      },
    )
  if (await hasTablespaces(cluster, label, acting))
    throw new LedgerError('refused', 'the cluster has tablespaces, whose places only you can choose', {
      place: label,
      hint: 'run pgbackrest restore with --tablespace-map yourself; pgbackrest info --set shows them',
    })
}

/**
 * Carries out a plan: restores beside the place, and moves it there when it is whole. Interrupted or failed, what was
 * there before is as it was, and the same command begins again.
 *
 * @throws LedgerError with pgBackRest's own words where it fails
 */
export async function runPitrRestore(
  cluster: ArchivedCluster,
  plan: PitrRestorePlan,
  signal: AbortSignal,
): Promise<void> {
  const { into, keptAs, backup, timeline, target, archiving } = plan
  const acting = await actingAsOwner(cluster, signal)
  const folder = await makeUnfinished(into, acting.as)
  try {
    const args = [
      ...stanzaArguments(cluster),
      '--log-level-console=warn',
      `--set=${backup.label}`,
      '--type=time',
      `--target=${forPostgres(microsecondsOf(target.utc))}`,
      `--target-timeline=${timeline}`,
      // By default the server would stop there and wait.
      '--target-action=promote',
      ...(archiving ? [] : ['--archive-mode=off']),
      `--pg1-path=${folder}`,
      // Its own would name the folder from which the cluster is moved away.
      `--recovery-option=restore_command=${restoreCommand(cluster, into)}`,
      'restore',
    ]
    const ran = await run('pgbackrest', args, acting)
    if (ran.exitCode !== 0) throw refusal(ran, 'could not restore the cluster', cluster)
    await putInPlace(into, keptAs)
  } catch (error) {
    await removeTree(folder)
    throw error
  }
}

/** pgBackRest writes it between quotes into postgresql.auto.conf as it is. */
function restoreCommand(cluster: ArchivedCluster, into: string): string {
  const get = shellLine(['pgbackrest', ...stanzaArguments(cluster), `--pg1-path=${into}`, 'archive-get'])
  return postgresValue(`${get} %f "%p"`).slice(1, -1)
}

/** How the restored cluster is started and looked at. */
function nextCommands({ into, archiving, keptAs }: Place, pgCtl: string): string[] {
  const start = shellLine([pgCtl, '-w', '-D', into])
  if (!archiving)
    return [
      `${start} -o '-c port=5433' start    # as the cluster's owner; beside the server that may still run`,
      "psql -p 5433 -c 'SELECT pg_is_in_recovery()'    # f once it has come to its target and takes writes",
      "psql -p 5433 -c 'ALTER SYSTEM RESET archive_mode'    # only where it takes the old one's place; then restart it",
    ]
  return [
    `${start} start    # as the cluster's owner, or as the service manager does it`,
    "psql -c 'SELECT pg_is_in_recovery()'    # f once it has come to its target and takes writes",
    'pgbackrest backup --type=full    # it goes on upon a timeline of its own',
    ...(keptAs === null ? [] : [`rm -r ${shellLine([keptAs])}    # the old data, once you are sure`]),
  ]
}
