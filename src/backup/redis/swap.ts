import { lstat, mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { LedgerError } from '../../domain/errors.js'
import { printable } from '../../domain/printable.js'
import { newBackupId } from '../id.js'

const PREPARING = 'obleth-ledger-preparing'
const RESTORING = 'obleth-ledger-restoring-'
/** Within the folder of a restore: what gave way. */
const BEFORE = 'before'

/** Restores into a directory that were interrupted once all was prepared, by the name that was given to `prepare`. */
export async function unfinishedIn(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory)
  return names.filter((name) => name.startsWith(RESTORING)).map((name) => name.slice(RESTORING.length))
}

/**
 * Fills a folder within a directory, so that what follows are renames on one disk. Until it is whole and on disk it has
 * another name; what an earlier attempt left of that is removed.
 */
export async function prepare(
  directory: string,
  restore: string,
  fill: (folder: string) => Promise<void>,
): Promise<void> {
  const preparing = join(directory, PREPARING)
  await rm(preparing, { recursive: true, force: true })
  await mkdir(preparing, { mode: 0o700 })
  try {
    await fill(preparing)
    await mkdir(join(preparing, BEFORE), { mode: 0o700 })
    await rename(preparing, join(directory, RESTORING + restore))
    await sync(directory)
  } catch (error) {
    await rm(preparing, { recursive: true, force: true })
    throw error
  }
}

/**
 * Puts what was prepared in the place of what is there, name by name, and keeps the latter. Begun again after an
 * interruption it goes on: what still lies prepared has not been put in its place.
 *
 * @param names what is put in place; `obsolete`: what gives way without a successor
 * @returns the folder with what gave way; null where nothing did
 */
export async function swap(
  directory: string,
  restore: string,
  names: readonly string[],
  obsolete: readonly string[],
): Promise<string | null> {
  const restoring = join(directory, RESTORING + restore)
  const giveWay = async (name: string) => {
    const [live, kept] = [join(directory, name), join(restoring, BEFORE, name)]
    if (!(await isThere(live))) return
    if (await isThere(kept)) throw cameBetween(live)
    await rename(live, kept)
  }
  for (const name of obsolete) await giveWay(name)
  for (const name of names) {
    const prepared = join(restoring, name)
    if (!(await isThere(prepared))) continue
    await giveWay(name)
    await rename(prepared, join(directory, name))
  }
  const before = join(restoring, BEFORE)
  // Gone where the interruption came behind this.
  const kept = (await isThere(before)) ? await keep(directory, before) : null
  await rmdir(restoring)
  await sync(directory)
  return kept
}

async function keep(directory: string, before: string): Promise<string | null> {
  // Both ends of each rename, before the way back is cut.
  for (const folder of [before, directory]) await sync(folder)
  if ((await readdir(before)).length === 0) {
    await rmdir(before)
    return null
  }
  const kept = join(directory, `obleth-ledger-before-${newBackupId(Date.now())}`)
  await rename(before, kept)
  return kept
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}

async function sync(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  await handle.sync().finally(() => handle.close())
}

function cameBetween(path: string): LedgerError {
  return new LedgerError('refused', 'a server was started on the directory while a restore was interrupted', {
    place: printable(path),
    hint: 'move what it wrote there out of the directory, then run the same command again',
  })
}
