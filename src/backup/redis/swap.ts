import { access, mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { LedgerError } from '../../domain/errors.js'
import { printable } from '../../domain/printable.js'
import { newBackupId } from '../id.js'

const PREPARING = 'obleth-ledger-preparing'
const RESTORING = 'obleth-ledger-restoring-'
/** Within the folder of a restore: what gave way. */
const BEFORE = 'before'

/** Backups whose restore into a directory was interrupted once all was prepared. */
export async function unfinishedIn(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory)
  return names.filter((name) => name.startsWith(RESTORING)).map((name) => name.slice(RESTORING.length))
}

/**
 * Fills a folder within a directory, so that what follows are renames on one disk. Until it is whole and on disk it has
 * another name; what an earlier attempt left of that is removed.
 */
export async function prepare(directory: string, id: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const preparing = join(directory, PREPARING)
  await rm(preparing, { recursive: true, force: true })
  await mkdir(preparing, { mode: 0o700 })
  try {
    await fill(preparing)
    await mkdir(join(preparing, BEFORE), { mode: 0o700 })
    await rename(preparing, join(directory, RESTORING + id))
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
  id: string,
  names: readonly string[],
  obsolete: readonly string[],
): Promise<string | null> {
  const restoring = join(directory, RESTORING + id)
  for (const name of [...names, ...obsolete]) {
    const [prepared, live, kept] = [join(restoring, name), join(directory, name), join(restoring, BEFORE, name)]
    const ready = await isThere(prepared)
    if (!ready && names.includes(name)) continue
    if (await isThere(live)) {
      if (await isThere(kept)) throw cameBetween(live)
      await rename(live, kept)
    }
    if (ready) await rename(prepared, live)
  }
  for (const folder of [join(restoring, BEFORE), restoring, directory]) await sync(folder)
  const kept = await keep(directory, join(restoring, BEFORE))
  await rmdir(restoring)
  await sync(directory)
  return kept
}

async function keep(directory: string, before: string): Promise<string | null> {
  // Gone where the interruption came behind this.
  const names = await readdir(before).catch(() => null)
  if (names === null) return null
  if (names.length > 0) {
    const kept = join(directory, `obleth-ledger-before-${newBackupId(Date.now())}`)
    await rename(before, kept)
    return kept
  }
  await rmdir(before)
  return null
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
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
