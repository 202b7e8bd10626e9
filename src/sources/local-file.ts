import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { type Beside, checkpointNames, compressionOf } from './layout.js'
import { displayPath, join, lastComponent, parent } from './names.js'
import { piecesOf } from './pieces.js'
import { reasonOf } from './read-failure.js'
import { sidecarOf } from './sidecar.js'
import { type FoundFile, type Listing, MAX_SIDECAR_BYTES, type Sidecar } from './source.js'
import { unpackedBytes } from './unpack.js'

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
  const checkpoint = role === 'legacy' || role === 'segment' ? await checkpointOf(full, below, beside) : null
  const fd = openSync(full, READ)
  try {
    const info = fstatSync(fd, { bigint: true })
    if (!info.isFile()) throw new Error('not a file any more')
    const compression = compressionOf(below)
    const storedBytes = Number(info.size)
    return {
      identity: identityOf(info),
      file: {
        path: below,
        role,
        // The length of a file that has a checkpoint decides what the checkpoint means.
        bytes:
          compression === 'none'
            ? storedBytes
            : checkpoint === null
              ? null
              : await unpackedBytes(piecesOf(fd), compression),
        storedBytes,
        modifiedMs: Math.max(Number(info.mtimeMs), checkpoint?.modifiedMs ?? 0),
        version: `${info.size} ${info.mtimeNs}`,
        locator: { stored: { via: 'file', path: full }, compression, members: [] },
        ...(checkpoint === null ? {} : { checkpoint: checkpoint.sidecar }),
      },
    }
  } finally {
    closeSync(fd)
  }
}

async function checkpointOf(
  full: Buffer,
  below: Buffer,
  beside: Beside | undefined,
): Promise<{ sidecar: Sidecar; modifiedMs: number } | null> {
  for (const name of checkpointNames(lastComponent(below).toString('latin1'))) {
    if (beside !== undefined && !beside.has(name)) continue
    const bytes = Buffer.from(name, 'latin1')
    const path = join(parent(below), bytes)
    try {
      const { content, modifiedMs } = readSmall(join(parent(full), bytes))
      return { sidecar: await sidecarOf(path, content), modifiedMs }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue
      return { sidecar: { path, text: null, reason: reasonOf(error) }, modifiedMs: 0 }
    }
  }
  return null
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

/** Puts what cannot be looked at where it belongs: what is gone or leads nowhere is noted, the rest is missing from the run. */
export function notRead(error: unknown, below: Buffer, listing: Listing): void {
  const path = below.length === 0 ? '.' : displayPath(below)
  const { code } = error as NodeJS.ErrnoException
  const note = (kind: string, message: string) => listing.warnings.push({ class: kind, message, path })
  if (code === 'ENOENT') note('vanished', 'gone before it could be read, or a link that leads nowhere')
  else if (code === 'ELOOP') note('link_loop', 'a link that leads to itself')
  else listing.unreadable.push({ path, reason: reasonOf(error) })
}
