import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { GunzipProblem, gunzipStream } from './gzip.js'
import { type Beside, checkpointNames, isGzip } from './layout.js'
import { displayPath, join, lastComponent, parent } from './names.js'
import { piecesOf } from './pieces.js'
import { type FoundFile, type Listing, MAX_SIDECAR_BYTES, type Sidecar } from './source.js'

/** Without waiting: a FIFO put in place of a file would block for ever otherwise. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK

/** Names a file whatever its path: device and inode; null on file systems that give no inodes. */
export function identityOf({ dev, ino }: BigIntStats): string | null {
  // As big integers: inodes beyond 2^53 would fall together as doubles, and a file would be left out.
  return ino === 0n ? null : `${dev} ${ino}`
}

/**
 * Looks at a file of this machine and at its checkpoint, first the checkpoint. Throws the file system's error where it
 * cannot be opened for reading. Synchronous but for compressed files: a hundred thousand of them cost a third as much so.
 * @param below its path below the source's root
 * @param beside names in its folder, where they are known: spares looking for checkpoints that are not there
 */
export async function lookAt(
  full: Buffer,
  below: Buffer,
  role: FoundFile['role'],
  beside?: Beside,
): Promise<{ file: FoundFile; identity: string | null }> {
  const checkpoint = role === 'legacy' || role === 'segment' ? checkpointOf(full, below, beside) : null
  const fd = openSync(full, READ)
  try {
    const info = fstatSync(fd, { bigint: true })
    if (!info.isFile()) throw new Error('not a file any more')
    const compression = role !== 'archive' && isGzip(below) ? 'gzip' : 'none'
    const storedBytes = Number(info.size)
    return {
      identity: identityOf(info),
      file: {
        path: below,
        role,
        bytes: compression === 'none' ? storedBytes : checkpoint === null ? null : await gunzippedBytes(piecesOf(fd)),
        storedBytes,
        modifiedMs: Math.max(Number(info.mtimeMs), checkpoint?.modifiedMs ?? 0),
        locator: { via: 'file', path: full, compression },
        ...(checkpoint === null ? {} : { checkpoint: checkpoint.sidecar }),
      },
    }
  } finally {
    closeSync(fd)
  }
}

/** The length of a file that has a checkpoint decides what the checkpoint means; null where the data are cut or damaged. */
export async function gunzippedBytes(compressed: AsyncIterable<Uint8Array>): Promise<number | null> {
  let bytes = 0
  try {
    for await (const chunk of gunzipStream(compressed)) bytes += chunk.length
    return bytes
  } catch (error) {
    if (error instanceof GunzipProblem) return null
    throw error
  }
}

function checkpointOf(
  full: Buffer,
  below: Buffer,
  beside: Beside | undefined,
): { sidecar: Sidecar; modifiedMs: number } | null {
  for (const name of checkpointNames(lastComponent(below).toString('latin1'))) {
    if (beside !== undefined && !beside.has(name)) continue
    const bytes = Buffer.from(name, 'latin1')
    const path = join(parent(below), bytes)
    try {
      const { content, modifiedMs } = readSmall(join(parent(full), bytes))
      return { sidecar: sidecarOf(path, content), modifiedMs }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue
      return { sidecar: { path, text: null, reason: reasonOf(error) }, modifiedMs: 0 }
    }
  }
  return null
}

/** @param content the sidecar's bytes as stored, as far as they are of interest */
export function sidecarOf(path: Buffer, content: Buffer): Sidecar {
  if (!isGzip(path)) return { path, text: content.toString('latin1') }
  try {
    return { path, text: gunzipSync(content, { maxOutputLength: MAX_SIDECAR_BYTES }).toString('latin1') }
  } catch {
    return { path, text: 'damaged gzip data' }
  }
}

function readSmall(full: Buffer): { content: Buffer; modifiedMs: number } {
  const fd = openSync(full, READ)
  try {
    const info = fstatSync(fd)
    if (!info.isFile()) throw new Error('not a file')
    const buffer = Buffer.alloc(MAX_SIDECAR_BYTES)
    const bytes = readSync(fd, buffer, 0, buffer.length, 0)
    return { content: buffer.subarray(0, bytes), modifiedMs: info.mtimeMs }
  } finally {
    closeSync(fd)
  }
}

/** Why a file cannot be read, for people. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  if (code === 'ENOENT') return 'no such file'
  if (code === 'ELOOP') return 'a link that leads to itself'
  if (code === 'ENAMETOOLONG') return 'too many folders deep for this system'
  return code ?? message
}

/** Puts what cannot be looked at where it belongs: what is gone or leads nowhere is noted, the rest is missing from the run. */
export function notRead(error: unknown, below: Buffer, listing: Listing): void {
  const path = below.length === 0 ? '.' : displayPath(below)
  const { code } = error as NodeJS.ErrnoException
  const note = (kind: string, message: string) => listing.warnings.push({ class: kind, message, path })
  if (code === 'ENOENT') note('vanished', 'gone before it could be read, or a link that leads nowhere')
  else if (code === 'ELOOP') note('link_loop', 'a link that leads to itself')
  else listing.unreadable.push({ path, reason: reasonOf(error) })
}
