import { chown, mkdir, open, readdir, readFile, rename, rm, statfs } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { LedgerError } from '../../domain/errors.js'
import { printable } from '../../domain/printable.js'
import { isProcessAlive } from '../../domain/process-alive.js'
import type { Owner } from './owner.js'

/**
 * Where a restore writes until it is whole: beside its data directory, so that a rename brings it there. With this
 * process's number, since the pgbackrest of a killed one may go on writing for a while.
 */
const unfinished = (into: string): string => `${into}.obleth-ledger-restoring-${process.pid}`

/**
 * Free bytes where a new data directory is to be.
 *
 * @throws LedgerError `refused` where something is there, or it lies within the living cluster; `source_not_found`
 *   where the folder above it is not there
 */
export async function assertNewDirectory(into: string, dataDir: string): Promise<number> {
  if (within(into, dataDir) || within(dataDir, into))
    throw new LedgerError('refused', 'the new data directory and that of the cluster lie within each other', {
      place: printable(into),
      hint: 'name another folder with --into, or restore in place with --in-place',
    })
  if (await holdsAnything(into))
    throw new LedgerError('refused', 'there is something already where the cluster is to be restored', {
      place: printable(into),
      hint: 'name a folder that does not exist or is empty with --into; nothing was written over',
    })
  return freeBytes(dirname(into))
}

/**
 * Free bytes beside a data directory that is to be replaced.
 *
 * @throws LedgerError `refused` while a server runs in it
 */
export async function assertStopped(dataDir: string): Promise<number> {
  const lines = await readFile(`${dataDir}/postmaster.pid`, 'utf8').catch(() => '')
  const pid = Number(lines.split('\n', 1)[0])
  if (lines !== '' && Number.isInteger(pid) && isProcessAlive(pid))
    throw new LedgerError('refused', `a server runs in the data directory, as process ${pid}`, {
      place: printable(dataDir),
      hint: 'stop it first, or restore beside it into a new directory with --into; nothing was changed',
    })
  return freeBytes(dirname(dataDir))
}

/** An empty folder of the owner, 0700; what an earlier restore that was killed left is removed. */
export async function makeUnfinished(into: string, owner: Owner | undefined): Promise<string> {
  const folder = unfinished(into)
  try {
    for (const left of await leftBehind(into)) await removeTree(left)
    await mkdir(folder, { mode: 0o700 })
    if (owner !== undefined) await chown(folder, owner.uid, owner.gid)
  } catch (error) {
    throw denied(error, folder)
  }
  return folder
}

/** Removes a folder, also while a pgbackrest whose parent is gone goes on filling it: it ends for want of its folders. */
export const removeTree = (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })

/** Folders of restores into the same place whose processes are gone. */
async function leftBehind(into: string): Promise<string[]> {
  const parent = dirname(into)
  const prefix = basename(unfinished(into)).slice(0, -String(process.pid).length)
  return (await readdir(parent))
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .filter((name) => !isProcessAlive(Number(name.slice(prefix.length))))
    .map((name) => join(parent, name))
}

/** Brings a whole restore to its place; the data directory that was there before is kept under another name. */
export async function putInPlace(into: string, keptAs: string | null): Promise<void> {
  try {
    if (keptAs !== null) await rename(into, keptAs)
  } catch (error) {
    throw denied(error, into)
  }
  try {
    // An empty folder is replaced.
    await rename(unfinished(into), into)
  } catch (error) {
    if (keptAs !== null) await rename(keptAs, into)
    throw denied(error, into)
  }
  const parent = await open(dirname(into), 'r')
  await parent.sync().finally(() => parent.close())
}

function within(path: string, folder: string): boolean {
  return `${resolve(path)}${sep}`.startsWith(`${resolve(folder)}${sep}`)
}

async function holdsAnything(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length > 0
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return true
    throw denied(error, folder)
  }
}

async function freeBytes(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  } catch (error) {
    throw new LedgerError('source_not_found', 'the folder in which the data directory is to be is not there', {
      place: printable(folder),
      hint: 'make it, owned by the user who owns the cluster, then run the same command again',
      cause: error,
    })
  }
}

function denied(error: unknown, place: string): LedgerError {
  const { code } = error as NodeJS.ErrnoException
  const busy = code === 'EBUSY' || code === 'EXDEV'
  const what = busy
    ? 'the data directory is a file system of its own, and cannot be renamed'
    : `the data directory cannot be put in place: ${String(error)}`
  return new LedgerError(busy ? 'refused' : code === 'ENOSPC' ? 'disk_full' : 'access_denied', what, {
    place: printable(place),
    hint: busy
      ? 'restore into a new directory with --into'
      : 'run the command as root or as the owner of the cluster, whose folder this must be; the old data is as it was',
    cause: error,
  })
}
