import { constants, type Stats } from 'node:fs'
import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
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
  listing.files.sort((a, b) => Buffer.compare(a.path, b.path))
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
    notRead(error, below.length === 0 ? '.' : displayPath(below), listing)
    return
  }
  names.sort(Buffer.compare)
  // Looked at together, taken one after another: of two names of one file the same one is read every time.
  const entries = await Promise.all(names.map((name) => look(join(folder, name), join(below, name), listing, limit)))
  const sidecars: Entry[] = []
  const files: Entry[] = []
  for (const entry of entries) {
    if (entry === null) continue
    const { full, below: inside, info } = entry
    const role = roleOf(inside, false)
    if (!info.isDirectory() && (role === 'other' || role === 'ignored')) continue
    const identity = `${info.dev} ${info.ino}`
    // Equal checkpoints may be one file with several names; each tells about the file beside it.
    const repeated = role !== 'checkpoint' && seen.has(identity)
    seen.add(identity)
    if (repeated) {
      listing.repeated++
      const message = 'link to a folder that is read already'
      if (info.isDirectory()) listing.warnings.push({ class: 'already_read', message, path: displayPath(inside) })
    } else if (info.isDirectory()) await walkFolder(full, inside, depth + 1, listing, seen, limit)
    else if (info.isFile()) (role === 'checkpoint' ? sidecars : files).push(entry)
    else {
      const message = 'neither file nor folder: skipped'
      listing.warnings.push({ class: 'not_a_file', message, path: displayPath(inside) })
    }
  }
  // Checkpoints before the files they are about: a size must not be older than what is said of it.
  await Promise.all(sidecars.map((entry) => takeFile(entry, listing, limit)))
  await Promise.all(files.map((entry) => takeFile(entry, listing, limit)))
}

interface Entry {
  readonly full: Buffer
  readonly below: Buffer
  readonly info: Stats
}

async function look(full: Buffer, below: Buffer, listing: Listing, limit: Limit): Promise<Entry | null> {
  try {
    return { full, below, info: await limit(() => stat(full)) }
  } catch (error) {
    notRead(error, displayPath(below), listing)
    return null
  }
}

async function takeFile({ full, below }: Entry, listing: Listing, limit: Limit): Promise<void> {
  try {
    listing.files.push(await limit(() => foundFile(full, below)))
  } catch (error) {
    notRead(error, displayPath(below), listing)
  }
}

function notRead(error: unknown, path: string, listing: Listing): void {
  const { code } = error as NodeJS.ErrnoException
  // Drained and deleted since the folder was read, or a link that leads nowhere.
  if (code === 'ENOENT') listing.warnings.push({ class: 'vanished', message: 'gone before it could be read', path })
  else if (code === 'ELOOP') listing.warnings.push({ class: 'not_a_file', message: 'link that leads to itself', path })
  else listing.unreadable.push({ path, reason: reasonOf(error) })
}

/**
 * A file and, for sidecars, its content. The checkpoint's content is read here, files are sized afterwards by
 * their reader, so that a checkpoint never claims more than is read.
 */
export async function foundFile(full: Buffer, below: Buffer): Promise<FoundFile> {
  // Opening without waiting: a FIFO put in place of the file would block for ever otherwise.
  const handle = await open(full, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const info = await handle.stat()
    if (!info.isFile()) throw new Error('not a file any more')
    const compression = isGzip(below) ? 'gzip' : 'none'
    const sidecar = roleOf(below, false) === 'checkpoint' ? await readSidecar(handle, info.size) : undefined
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

async function readSidecar(handle: FileHandle, size: number): Promise<string> {
  return size > MAX_SIDECAR_BYTES ? 'too long' : handle.readFile('utf8')
}

export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  if (code === 'ENOENT') return 'no such file'
  return code ?? message
}
