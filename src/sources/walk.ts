import { constants } from 'node:fs'
import { open, readdir, readFile, stat } from 'node:fs/promises'
import { isGzip, roleOf } from './layout.js'
import type { Limit } from './limit.js'
import { displayPath, join } from './names.js'
import { emptyListing, type FoundFile, type Listing, MAX_SIDECAR_BYTES } from './source.js'

const MAX_DEPTH = 64

/** Files and folders already met, by device and inode, so that links and repeated arguments are read once. */
export type Seen = Set<string>

/**
 * Finds the files below a folder. Folder entries are read as bytes; links are followed, each target once, so loops end.
 * What is no file or folder is named in a warning and never opened; what cannot be read is listed.
 */
export async function walk(root: Buffer, seen: Seen, limit: Limit): Promise<Listing> {
  const listing = emptyListing()
  await walkFolder(root, Buffer.alloc(0), 0, listing, seen, limit)
  return listing
}

async function walkFolder(
  folder: Buffer,
  below: Buffer,
  depth: number,
  listing: Listing,
  seen: Seen,
  limit: Limit,
): Promise<void> {
  if (depth > MAX_DEPTH) {
    listing.unreadable.push({ path: displayPath(below), reason: `more than ${MAX_DEPTH} folders deep` })
    return
  }
  let names: Buffer[]
  try {
    names = await limit(() => readdir(folder, { encoding: 'buffer' }))
  } catch (error) {
    listing.unreadable.push({ path: displayPath(below) || '.', reason: reasonOf(error) })
    return
  }
  names.sort(Buffer.compare)
  await Promise.all(names.map((name) => walkEntry(join(folder, name), join(below, name), depth, listing, seen, limit)))
}

async function walkEntry(
  full: Buffer,
  below: Buffer,
  depth: number,
  listing: Listing,
  seen: Seen,
  limit: Limit,
): Promise<void> {
  try {
    const info = await limit(() => stat(full))
    const identity = `${info.dev} ${info.ino}`
    if (info.isDirectory()) {
      if (seen.has(identity)) {
        listing.warnings.push({
          class: 'already_read',
          message: 'link to a folder that is read already',
          path: displayPath(below),
        })
        return
      }
      seen.add(identity)
      await walkFolder(full, below, depth + 1, listing, seen, limit)
      return
    }
    const role = roleOf(below, false)
    if (role === 'other' || role === 'ignored') return
    if (!info.isFile()) {
      listing.warnings.push({
        class: 'not_a_file',
        message: 'neither file nor folder: skipped',
        path: displayPath(below),
      })
      return
    }
    if (seen.has(identity)) return
    seen.add(identity)
    listing.files.push(await limit(() => foundFile(full, below)))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      // Drained and deleted since the folder was read, or a link that leads nowhere.
      listing.warnings.push({ class: 'vanished', message: 'gone before it could be read', path: displayPath(below) })
      return
    }
    listing.unreadable.push({ path: displayPath(below), reason: reasonOf(error) })
  }
}

/**
 * A file and, for sidecars, its content. The checkpoint's content is read here, files are sized afterwards by
 * their reader, so that a checkpoint never claims more than is read.
 */
export async function foundFile(full: Buffer, below: Buffer): Promise<FoundFile> {
  const sidecar = roleOf(below, false) === 'checkpoint' ? await readSidecar(full) : undefined
  // Opening without waiting: a FIFO put in place of the file would block for ever otherwise.
  const handle = await open(full, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const info = await handle.stat()
    if (!info.isFile()) throw new Error('not a file any more')
    const compression = isGzip(below) ? 'gzip' : 'none'
    return {
      path: below,
      bytes: compression === 'gzip' ? null : info.size,
      storedBytes: info.size,
      modifiedMs: info.mtimeMs,
      locator: { via: 'file', path: full, compression },
      ...(sidecar === undefined ? {} : { sidecar }),
    }
  } finally {
    await handle.close()
  }
}

async function readSidecar(full: Buffer): Promise<string> {
  const { size } = await stat(full)
  return size > MAX_SIDECAR_BYTES ? 'too long' : readFile(full, 'utf8')
}

export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  if (code === 'ENOENT') return 'no such file'
  return code ?? message
}
