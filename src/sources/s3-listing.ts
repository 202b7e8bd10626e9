import { printable } from '../domain/printable.js'
import type { S3Object } from '../domain/wal.js'
import { readObject } from '../s3/read.js'
import { besideFile, Folders, keyOf } from './folders.js'
import { compressionOf, createdMs, isWal, type Role, roleOf } from './layout.js'
import { displayPath } from './names.js'
import { problemOf } from './read-failure.js'
import { beginningOf, sidecarOf } from './sidecar.js'
import {
  emptyListing,
  type FoundFile,
  HALF_MADE,
  type Listing,
  notWal,
  PACKED,
  type Search,
  type Sidecar,
} from './source.js'
import { unpackedBytes } from './unpack.js'

interface Found {
  readonly object: S3Object
  readonly path: Buffer
}

/**
 * Finds the WAL files among objects. Of these only checkpoints are read, and compressed ones that have a checkpoint.
 * @param root beginning of their keys that is no part of their paths
 * @param literal key that the user wrote out
 */
export async function listObjects(
  objects: readonly S3Object[],
  root: string,
  literal: string | undefined,
  search: Search,
): Promise<Listing> {
  const listing = emptyListing()
  const folders = new Folders()
  const all: Found[] = []
  for (const object of objects) {
    const path = Buffer.from(object.key.slice(root.length))
    const isFolder = path.at(-1) === 0x2f || path.length === 0
    folders.add(isFolder ? path.subarray(0, -1) : path, isFolder)
    if (!isFolder) all.push({ object, path })
  }
  const checkpoints = new Map(
    all.filter(({ path }) => roleOf(path) === 'checkpoint').map((found) => [keyOf(found.path), found]),
  )
  const others: Buffer[] = []
  const files: Promise<FoundFile>[] = []
  for (const found of all) {
    const { object, path } = found
    const role = roleAs(roleOf(path, folders.beside(path)), object.key === literal)
    if (role === 'unfinished_checkpoint') listing.unfinished.push(path)
    if (role === 'half_made') listing.unreadable.push({ path: displayPath(path), reason: HALF_MADE })
    if (role === 'packed') listing.unreadable.push({ path: displayPath(path), reason: PACKED })
    if (role === 'other') others.push(path)
    if (!isWal(role) && role !== 'archive') continue
    const identity = JSON.stringify([object.store.endpoint, object.bucket, object.key])
    if (search.seen.has(identity)) {
      listing.repeated++
      continue
    }
    search.seen.add(identity)
    const sidecar = role === 'legacy' || role === 'segment' ? besideFile(path, checkpoints) : undefined
    files.push(search.limit(() => lookAt(found, role, sidecar, search)))
  }
  listing.files.push(...(await Promise.all(files)))
  listing.files.sort((a, b) => Buffer.compare(a.path, b.path))
  listing.warnings.push(...notWal(others))
  listing.segments = folders.hasSegments()
  return listing
}

const roleAs = (role: Role, literal: boolean): Role => (role === 'other' && literal ? 'legacy' : role)

async function lookAt(
  { object, path }: Found,
  role: FoundFile['role'],
  sidecar: Found | undefined,
  search: Search,
): Promise<FoundFile> {
  search.signal?.throwIfAborted()
  const compression = compressionOf(path)
  const measured = compression === 'none' || sidecar === undefined || role === 'archive'
  return {
    path,
    role,
    bytes:
      compression === 'none' ? object.bytes : measured ? null : await unpackedBytes(readObject(object, 0), compression),
    storedBytes: object.bytes,
    // When it was put into the store says nothing about whether its pod is running.
    modifiedMs: createdMs(path) ?? 0,
    version: object.etag,
    locator: { stored: object, compression, members: [] },
    ...(sidecar === undefined ? {} : { checkpoint: await checkpointOf(sidecar) }),
  }
}

async function checkpointOf({ object, path }: Found): Promise<Sidecar> {
  try {
    return await sidecarOf(path, await beginningOf(readObject(object, 0)))
  } catch (error) {
    return { path, text: null, reason: printable(problemOf(error).reason) }
  }
}
