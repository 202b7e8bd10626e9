import type { Locator, Warning } from '../domain/wal.js'
import type { Allowance } from './allowance.js'
import { besideFile, Folders, keyOf } from './folders.js'
import { compressionOf, isWal, type Role, roleOf } from './layout.js'
import { archiveName, displayPath, join, memberPath, parent } from './names.js'
import { beginningOf, sidecarOf } from './sidecar.js'
import {
  type ArchivePath,
  emptyListing,
  HALF_MADE,
  type Held,
  type Listing,
  notWal,
  PACKED,
  type Sidecar,
} from './source.js'
import { TarReader } from './tar-reader.js'
import { unpack } from './unpack.js'

/** Archives within one another that are looked into; further in, they are named as unreadable. */
const MOST_NESTED = 4
/** A name that tells of the WAL, not of its pod: then the folder that the archive stands in is the pod's. */
const NAMED_AFTER_WAL = /^(obleth[-_.])?(telemetry|wal)([-_.\d]|$)/i

/** An archive and where it is. */
export interface Archive {
  /** Root of the source. */
  readonly root: string
  readonly at: ArchivePath
  /** Of the archive itself. */
  readonly locator: Locator
  /** As in WalFile, of the stored file. */
  readonly version: string
  /** Of the stored file. */
  readonly allowance: Allowance
}

/** A member that may be read, as its header and the name of its folder's others tell once the archive has been passed. */
interface Candidate {
  readonly path: Buffer
  readonly member: number
  readonly type: string
  readonly size: number
  readonly modifiedMs: number
  /** The name pointed outside. */
  readonly changed: boolean
}

/**
 * Finds the WAL files in an archive, and in archives within it, by reading it once, nothing kept but headers and sidecars.
 * Where it ends early it is listed as unreadable itself.
 * @param bytes the archive's, out of their compression
 */
export async function listTar(archive: Archive, bytes: AsyncIterable<Uint8Array>): Promise<Held[]> {
  const { root, at, version, locator, allowance } = archive
  const reader = new TarReader(bytes, allowance)
  const candidates: Candidate[] = []
  const sidecars = new Map<string, Sidecar>()
  const folders = new Folders()
  const nested: Held[] = []
  const listing = emptyListing()
  for await (const { number: member, name, type, size, modifiedMs, content } of reader.entries()) {
    const inside = memberPath(name)
    if (inside === null) continue
    folders.add(inside.path, type === 'folder')
    if (type === 'folder') continue
    const role = type === 'file' ? roleOf(inside.path) : null
    if (role === 'checkpoint')
      sidecars.set(keyOf(inside.path), await sidecarOf(inside.path, await beginningOf(content)))
    if (role === 'archive' && locator.members.length < MOST_NESTED && allowance.archive()) {
      const inner = within(archive, inside.path, member)
      if (inside.changed) listing.warnings.push(unsafeName(inner.at.path))
      nested.push(...(await listTar(inner, unpack(content, compressionOf(inside.path), allowance))))
    } else candidates.push({ ...inside, member, type, size, modifiedMs })
  }
  const others: Buffer[] = []
  for (const candidate of candidates) {
    const { path, type, size, modifiedMs, member } = candidate
    const role = roleOf(path, folders.beside(path))
    if (role === 'other' && type === 'file') others.push(join(at.path, path))
    if (role === 'unfinished_checkpoint') listing.unfinished.push(path)
    if (!isReadable(candidate, role, join(at.path, path), listing) || !isWal(role)) continue
    const checkpoint = role === 'corrupt' ? undefined : besideFile(path, sidecars)
    const compression = compressionOf(path)
    listing.files.push({
      path,
      role,
      bytes: compression === 'none' ? size : null,
      storedBytes: size,
      modifiedMs,
      version,
      locator: { ...locator, members: [...locator.members, { number: member, compression }] },
      ...(checkpoint === undefined ? {} : { checkpoint }),
    })
  }
  listing.warnings.push(...notWal(others))
  listing.segments = folders.hasSegments()
  if (reader.problem !== null) listing.unreadable.push({ path: displayPath(at.path), reason: reader.problem.reason })
  return [{ listing, holder: { root, archive: at, fallbackPod: '' } }, ...nested]
}

/** Where an archive is found below a folder or in another archive. */
export function archiveAt(path: Buffer, folder: Buffer): ArchivePath {
  const name = archiveName(displayPath(path))
  return {
    path,
    folder,
    pod: folder.length > 0 && NAMED_AFTER_WAL.test(name) ? folder : join(folder, Buffer.from(name)),
  }
}

function within({ root, at, locator, version, allowance }: Archive, path: Buffer, number: number): Archive {
  return {
    root,
    version,
    allowance,
    at: archiveAt(join(at.path, path), join(at.folder, parent(path))),
    locator: { ...locator, members: [...locator.members, { number, compression: compressionOf(path) }] },
  }
}

/** False where a member is passed over; says why. */
function isReadable({ type, changed }: Candidate, role: Role, path: Buffer, listing: Listing): boolean {
  const missing = (reason: string) => listing.unreadable.push({ path: displayPath(path), reason })
  if (type !== 'file' && type !== 'sparse file')
    listing.warnings.push({
      class: 'not_a_file',
      message: `${type} in an archive: skipped`,
      path: displayPath(path),
    })
  else if (role === 'half_made') missing(HALF_MADE)
  else if (role === 'packed') missing(PACKED)
  else if (!isWal(role) && role !== 'archive') return false
  else if (type === 'sparse file') missing('stored as a sparse file: pack it without --sparse')
  else if (role === 'archive') missing('too many archives within archives: unpack it first')
  else {
    if (changed) listing.warnings.push(unsafeName(path))
    return true
  }
  return false
}

function unsafeName(path: Buffer): Warning {
  const message = 'archive member with a name that points outside: read as if it stood inside'
  return { class: 'unsafe_name', message, path: displayPath(path) }
}
