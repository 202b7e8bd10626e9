import { chown, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { BaseBackup, RecoveryWindow } from '../../domain/pitr.js'
import type { ProgramOptions } from '../program.js'
import { withTemporaryFolder } from '../temporary.js'
import type { Archived } from './archive.js'
import { inUtc, microsecondsOf } from './instant.js'
import { type Branch, historyName, leadsTo, readHistory, timelineOf } from './timelines.js'
import { isBefore, lastCommit, onTimeline, segmentBefore } from './wal.js'

/** So many segments are read for a commit; beyond, the cluster has been silent for gigabytes of WAL. */
const MOST_SEGMENTS = 256
const SECOND_US = 1_000_000n

/** What can be recovered along the newest timeline. */
export interface Recoverable {
  /** Those that a recovery can begin with, oldest first. */
  readonly backups: readonly BaseBackup[]
  readonly timeline: number
  /** Earlier timelines on the way to it, oldest first. */
  readonly branches: readonly Branch[]
  /** Null where there is no backup, or no commit after one. */
  readonly window: RecoveryWindow | null
}

/** The earliest moment that can be recovered with a backup: the tools note whole seconds, and want a later one. */
export const recoverableFrom = ({ stoppedAt }: BaseBackup): bigint => microsecondsOf(stoppedAt) + SECOND_US

/**
 * What can be recovered: from the second after the oldest backup's end to the last commit in the archive. The latter no
 * tool tells, and all of them restore to a later moment without a word; the server then refuses to start, since it never
 * meets a commit that is later than its target. For the same reason the moment of that commit itself is too late.
 *
 * @param waldump pg_waldump of the server's major version
 */
export async function recoverable(archived: Archived, waldump: string, options: ProgramOptions): Promise<Recoverable> {
  const { backups, newestWal } = archived
  if (newestWal === null) return { backups: [], timeline: 1, branches: [], window: null }
  const timeline = timelineOf(newestWal)
  return withTemporaryFolder('backup', async (folder) => {
    if (options.as !== undefined) await chown(folder, options.as.uid, options.as.gid)
    const branches = await branchesOf(archived, timeline, folder)
    const leading = backups.filter((backup) => leadsTo(backup, timeline, branches))
    if (leading.length === 0) return { backups: [], timeline, branches, window: null }
    const way = [timeline, ...branches.map((branch) => branch.timeline).reverse()]
    const commitIn = (file: string) => lastCommit(file, waldump, options)
    const before = await newestCommit(archived, way, newestWal, leading[0].firstWal, folder, commitIn)
    const from = recoverableFrom(leading[0])
    const window = before === null || before <= from ? null : { from: inUtc(from), before: inUtc(before) }
    return { backups: leading, timeline, branches, window }
  })
}

async function branchesOf({ fetchFile }: Archived, timeline: number, folder: string): Promise<Branch[]> {
  if (timeline === 1) return []
  const file = join(folder, historyName(timeline))
  return (await fetchFile(historyName(timeline), file)) ? readHistory(await readFile(file, 'utf8')) : []
}

/** Goes back segment by segment; where a timeline began, to the one that it left: a third one may have the same segments. */
async function newestCommit(
  { fetchFile }: Archived,
  way: readonly number[],
  newest: string,
  first: string,
  folder: string,
  commitIn: (file: string) => Promise<bigint | null>,
): Promise<bigint | null> {
  let segment: string | null = newest
  let step = 0
  for (let read = 0; segment !== null && read < MOST_SEGMENTS && !isBefore(segment, first); read++) {
    const file: string = join(folder, segment)
    if (!(await fetchFile(segment, file))) {
      step++
      if (step === way.length) return null
      segment = onTimeline(segment, way[step])
      continue
    }
    const commit = await commitIn(file)
    if (commit !== null) return commit
    const { size } = await stat(file)
    await rm(file)
    segment = segmentBefore(segment, size)
  }
  return null
}
