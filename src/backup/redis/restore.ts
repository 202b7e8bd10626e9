import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { BackupManifest, BackupsOptions } from '../../domain/backup.js'
import { LedgerError } from '../../domain/errors.js'
import { printable } from '../../domain/printable.js'
import type { RedisPart, RedisRestored, RedisRestoreOptions, RedisRestorePlan } from '../../domain/redis.js'
import { shellLine } from '../../domain/shell-line.js'
import { writeError } from '../../domain/write-error.js'
import { StateLock } from '../../pipeline/state-lock.js'
import { findBackup } from '../list.js'
import { withSpooled } from '../spool.js'
import { openStorage } from '../storage/open.js'
import type { Spooled } from '../store.js'
import { assertNotInUse } from './in-use.js'
import { laidDownNames, layDown } from './lay-down.js'
import { type FileNames, fileNames } from './names.js'
import { type Proven, proveRedis } from './proof.js'
import { prepare, swap, unfinishedIn } from './swap.js'
import { serverVersion } from './tools.js'

/**
 * Lays a backup into the data directory of a stopped server, so that it loads it whether `appendonly` is on or off. All is
 * proven and prepared beside the old files, which give way last and are kept.
 *
 * @param named a backup's id, or `latest`
 * @param confirm asked once the plan stands
 * @throws LedgerError `source_not_found`, `refused`, `verification_failed`, `access_denied`, `disk_full`, `usage`
 */
export async function restoreRedis(
  options: BackupsOptions,
  named: string,
  how: RedisRestoreOptions,
  confirm: (plan: RedisRestorePlan) => Promise<boolean>,
  signal: AbortSignal,
): Promise<RedisRestored> {
  const storage = openStorage(options)
  const manifest = await findBackup(storage, 'redis', named, signal)
  const directory = await dataDirectory(how.into)
  await assertNotInUse(directory)
  const lock = how.dryRun ? null : lockOf(directory)
  try {
    const goesOn = await isUnfinished(directory, manifest.id, how.part)
    const redis = how.redisVersion ?? (await serverVersion(signal))
    const names = fileNames((setting) => manifest.contents.facts[setting])
    return await withSpooled(storage, manifest, options.keys, signal, async (spooled) => {
      const proven = await proveRedis(spooled, how.part, redis, signal)
      const plan = await planOf(manifest, directory, names, proven, how, redis, goesOn)
      if (how.dryRun || !(await confirm(plan))) return { plan, restored: false, kept: null }
      signal.throwIfAborted()
      // It may have been started while somebody read the plan.
      await assertNotInUse(directory)
      const kept = await putInPlace(spooled, proven, names, plan)
      return { plan, restored: true, kept }
    })
  } finally {
    lock?.release()
  }
}

async function putInPlace(
  spooled: Spooled,
  proven: Proven,
  names: FileNames,
  { into, backup, part, goesOn }: RedisRestorePlan,
): Promise<string | null> {
  const restore = `${backup}-${part}`
  try {
    const { uid, gid, mode } = await stat(into)
    const own = { uid, gid, mode: mode & 0o777 }
    if (!goesOn) await prepare(into, restore, (folder) => layDown(spooled, proven, names, folder, own))
    return await swap(into, restore, laidDownNames(names), [names.aof])
  } catch (error) {
    throw told(error, into)
  }
}

/** Two restores at once would each take what the other has put in place for what was there before. */
function lockOf(directory: string): StateLock {
  try {
    return StateLock.acquire(join(directory, 'obleth-ledger-restore.lock'))
  } catch (error) {
    throw told(error, directory)
  }
}

async function planOf(
  manifest: BackupManifest,
  directory: string,
  names: FileNames,
  proven: Proven,
  { part }: RedisRestoreOptions,
  redisVersion: string | null,
  goesOn: boolean,
): Promise<RedisRestorePlan> {
  const there = await readdir(directory)
  const laidDown = laidDownNames(names)
  return {
    backup: manifest.id,
    takenAt: manifest.startedAt,
    into: directory,
    part,
    rdbVersion: proven.rdbVersion,
    redisVersion,
    keys: part === 'rdb' ? proven.keys : null,
    // A Redis before 7 kept its AOF in one file of this name.
    replaced: [...laidDown, names.aof].filter((name) => there.includes(name)),
    laidDown,
    goesOn,
    notes: proven.notes,
  }
}

async function dataDirectory(into: string): Promise<string> {
  const found = await stat(into).catch((error) => error as NodeJS.ErrnoException)
  if (found instanceof Error || !found.isDirectory())
    throw new LedgerError('usage', 'the directory to restore into is not there', {
      place: printable(into),
      hint: 'name the data directory of the server with --into; for a new one: install -d -m 0750 -o redis -g redis <directory>',
    })
  return realpath(into)
}

const UNFINISHED = /^(\d{8}T\d{6}Z-[0-9a-f]{6})-(rdb|aof|repaired-aof)$/

/** @throws LedgerError `refused` where another restore waits to be finished */
async function isUnfinished(directory: string, id: string, part: RedisPart): Promise<boolean> {
  const unfinished = await unfinishedIn(directory)
  const other = unfinished.find((each) => each !== `${id}-${part}`)
  if (other === undefined) return unfinished.length > 0
  const [, backup = printable(other), from = 'rdb'] = UNFINISHED.exec(other) ?? []
  throw new LedgerError('refused', `another restore was interrupted here: ${printable(other)}`, {
    place: printable(directory),
    hint: `finish it first: ${printable(shellLine(['obleth-ledger', 'restore', 'redis', backup, '--redis-from', from, '--into', directory]))}`,
  })
}

const HINT = 'run the same command again once that is mended: it goes on where it stopped'

function told(error: unknown, directory: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (syscall === undefined) return error
  const place = printable(directory)
  if (code === 'EACCES' || code === 'EPERM')
    return new LedgerError(
      'access_denied',
      'this user may not write to the directory, or not give files to its owner',
      {
        place,
        hint: 'run the same command as root, or as the user who owns the directory',
        cause: error,
      },
    )
  return writeError('the restored files', place, error, HINT)
}
