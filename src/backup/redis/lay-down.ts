import { constants } from 'node:fs'
import { copyFile, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Spooled } from '../store.js'
import { renderAofManifest } from './aof-manifest.js'
import { AOF_FOLDER, type FileNames, RDB_FILE } from './names.js'
import type { Proven } from './proof.js'

/** Whose the files are, and who may read them: as of the directory they come into. */
export interface Ownership {
  readonly uid: number
  readonly gid: number
  /** Permission bits of a folder; a file has those of them that are not for entering, and never lets others write. */
  readonly mode: number
}

/** Where a restored server finds each part: the names in its data directory. */
export const laidDownNames = (names: FileNames): readonly string[] => [names.aofFolder, names.rdb]

/**
 * Writes what a server loads into a folder, on disk when this returns: as AOF with its manifest, for `appendonly yes`, which
 * passes over a lone snapshot and starts empty, and as snapshot, for `appendonly no`.
 */
export async function layDown(
  spooled: Spooled,
  proven: Proven,
  names: FileNames,
  folder: string,
  own: Ownership,
): Promise<void> {
  const aofFolder = join(folder, names.aofFolder)
  await mkdir(aofFolder)
  await layFile(spooled.file(RDB_FILE), join(folder, names.rdb), own, null)
  const base = { name: `${names.aof}.1.base.rdb`, seq: 1, type: 'base' } as const
  const files = proven.aof.length === 0 ? [base] : proven.aof
  for (const [n, { name }] of files.entries()) {
    const from = spooled.file(proven.aof.length === 0 ? RDB_FILE : `${AOF_FOLDER}/${name}`)
    await layFile(from, join(aofFolder, name), own, n === files.length - 1 ? proven.keepBytes : null)
  }
  const manifest = await open(join(aofFolder, `${names.aof}.manifest`), 'wx')
  try {
    await manifest.writeFile(renderAofManifest(files))
    await give(manifest, own, fileMode(own))
  } finally {
    await manifest.close()
  }
  for (const each of [aofFolder, folder]) await giveFolder(each, own)
}

/** Gives a folder to its owner, on disk with the names in it when this returns. */
async function giveFolder(folder: string, own: Ownership): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await give(handle, own, own.mode)
  } finally {
    await handle.close()
  }
}

async function layFile(from: string, to: string, own: Ownership, keepBytes: number | null): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_EXCL)
  const handle = await open(to, 'r+')
  try {
    if (keepBytes !== null) await handle.truncate(keepBytes)
    await give(handle, own, fileMode(own))
  } finally {
    await handle.close()
  }
}

const fileMode = ({ mode }: Ownership): number => mode & 0o664

async function give(handle: Awaited<ReturnType<typeof open>>, own: Ownership, mode: number): Promise<void> {
  const { uid, gid } = await handle.stat()
  if (uid !== own.uid || gid !== own.gid) await handle.chown(own.uid, own.gid)
  await handle.chmod(mode)
  await handle.sync()
}
