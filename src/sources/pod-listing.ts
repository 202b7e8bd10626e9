import type { PodFile } from '../domain/wal.js'
import { besideFile, Folders, keyOf } from './folders.js'
import { compressionOf, isWal, type Role, roleOf } from './layout.js'
import { displayPath, join, lastComponent, parent } from './names.js'
import { readPod } from './pod-read.js'
import type { Said } from './pod-said.js'
import type { ReachablePod } from './pod-target.js'
import { sidecarOf } from './sidecar.js'
import {
  emptyListing,
  type FoundFile,
  HALF_MADE,
  type Listing,
  NO_FILE,
  notWal,
  PACKED,
  type Search,
  type Sidecar,
} from './source.js'
import { unpackedBytes } from './unpack.js'

/** What a pod said, with the path as reports have it: below the folder that was named, or that holds the WAL. */
interface Entry extends Said {
  readonly below: Buffer
}

interface Checkpoint {
  readonly sidecar: Sidecar
  readonly modifiedMs: number
}

/**
 * The WAL files of a pod.
 * @param named the path that was asked for
 * @param said what stands there
 */
export async function listingOf(
  named: Said,
  said: readonly Said[],
  target: ReachablePod,
  search: Search,
): Promise<Listing> {
  const below = belowOf(named, target)
  const entries = said.map((one): Entry => ({ ...one, below: below(one.path) }))
  const listing = emptyListing()
  noteWhatIsNotRead(entries, listing)
  const folders = new Folders()
  for (const { word, below } of entries) if (word === 'dir' || word === 'file') folders.add(below, word === 'dir')
  const checkpoints = await checkpointsIn(entries)
  const others: Buffer[] = []
  for (const entry of entries.filter(({ word }) => word === 'file')) {
    const role = roleAs(roleOf(entry.below, folders.beside(entry.below)), named, entry)
    if (role === 'unfinished_checkpoint') listing.unfinished.push(entry.below)
    if (role === 'half_made') listing.unreadable.push({ path: displayPath(entry.below), reason: HALF_MADE })
    if (role === 'packed') listing.unreadable.push({ path: displayPath(entry.below), reason: PACKED })
    if (role === 'other') others.push(entry.below)
    if (!isWal(role) && role !== 'archive') continue
    const identity = `${target.identity} ${entry.id}`
    if (search.seen.has(identity)) {
      listing.repeated++
      continue
    }
    search.seen.add(identity)
    const hasCheckpoint = role === 'legacy' || role === 'segment'
    listing.files.push(
      await fileOf(entry, role, hasCheckpoint ? besideFile(entry.below, checkpoints) : undefined, target),
    )
  }
  listing.files.sort((a, b) => Buffer.compare(a.path, b.path))
  listing.warnings.push(...notWal(others))
  listing.segments = !target.namesFiles && folders.hasSegments()
  return listing
}

/** The one file that a source may name is a WAL whatever its name. */
function roleAs(role: Role, named: Said, { path }: Entry): Role {
  return role === 'other' && named.word === 'wal' && path.equals(named.path) ? 'legacy' : role
}

/** How paths are shown: below the folder that was named, or that holds the WAL, and below the pod where it names its files. */
function belowOf({ word, path }: Said, { pod, namesFiles }: ReachablePod): (path: Buffer) => Buffer {
  const holding = word === 'folder' ? path : parent(path)
  const base = lastComponent(holding).toString('latin1').endsWith('.segments') ? parent(holding) : holding
  const prefix = namesFiles ? Buffer.from(pod) : Buffer.alloc(0)
  return (full) => join(prefix, full.subarray(base.length + 1))
}

function noteWhatIsNotRead(entries: readonly Entry[], { unreadable, warnings }: Listing): void {
  const folders = new Set(entries.flatMap(({ word, id }) => (word === 'dir' ? [id] : [])))
  for (const { word, id, below } of entries) {
    const path = displayPath(below) || '.'
    if (word === 'gone')
      warnings.push({ class: 'vanished', message: 'gone before it could be read, or a link that leads nowhere', path })
    if (word === 'other') warnings.push({ class: 'not_a_file', message: NO_FILE, path })
    if (word === 'denied') unreadable.push({ path, reason: 'permission denied' })
    if (word === 'absent') unreadable.push({ path, reason: 'there is no folder in this pod that could hold its WAL' })
    if (word === 'link' && !folders.has(id))
      unreadable.push({ path, reason: 'a link to a folder, which is not followed: name that folder as a source' })
  }
}

async function checkpointsIn(entries: readonly Entry[]): Promise<Map<string, Checkpoint>> {
  const times = new Map<string, number>()
  for (const { word, below, modifiedMs } of entries) if (word === 'file') times.set(keyOf(below), modifiedMs)
  const checkpoints = new Map<string, Checkpoint>()
  for (const { word, below, content } of entries) {
    const modifiedMs = times.get(keyOf(below)) ?? 0
    if (word === 'mark') checkpoints.set(keyOf(below), { sidecar: await sidecarOf(below, content), modifiedMs })
    if (word === 'denied' && roleOf(below) === 'checkpoint')
      checkpoints.set(keyOf(below), { sidecar: { path: below, text: null, reason: 'permission denied' }, modifiedMs })
  }
  return checkpoints
}

async function fileOf(
  { id, bytes, modifiedMs, path, below }: Entry,
  role: FoundFile['role'],
  checkpoint: Checkpoint | undefined,
  { shell }: ReachablePod,
): Promise<FoundFile> {
  const stored: PodFile = { via: 'pod', shell, path, bytes }
  const compression = compressionOf(below)
  const measured = compression === 'none' || checkpoint === undefined || role === 'archive'
  return {
    path: below,
    role,
    bytes: compression === 'none' ? bytes : measured ? null : await unpackedBytes(readPod(stored, 0), compression),
    storedBytes: bytes,
    modifiedMs: Math.max(modifiedMs, checkpoint?.modifiedMs ?? 0),
    version: `${id} ${bytes} ${modifiedMs}`,
    locator: { stored, compression, members: [] },
    ...(checkpoint === undefined ? {} : { checkpoint: checkpoint.sidecar }),
  }
}
