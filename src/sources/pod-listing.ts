import type { PodFile } from '../domain/wal.js'
import { besideFile, Folders, keyOf } from './folders.js'
import { compressionOf, isWal, roleOf } from './layout.js'
import { displayPath, join, lastComponent, parent } from './names.js'
import { readPod } from './pod-read.js'
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

/** What `LIST` says of a path. */
interface Said {
  readonly word: string
  /** Device and inode, size, Unix seconds of the last change, of what is there. */
  readonly id: string
  readonly size: number
  readonly modifiedMs: number
  readonly path: Buffer
}

/** The WAL files among what `LIST` says of a pod. */
export async function listingOf(output: Buffer, target: ReachablePod, search: Search): Promise<Listing> {
  const [first, ...said] = saidIn(output)
  const listing = emptyListing()
  const below = belowOf(first, target)
  const folders = new Folders()
  const checkpoints = new Map<string, { sidecar: Sidecar; modifiedMs: number }>()
  const others: Buffer[] = []
  const found: { one: Said; path: Buffer; role: FoundFile['role'] }[] = []
  for (const { word, path } of said) if (word === 'dir' || word === 'file') folders.add(below(path), word === 'dir')
  for (const one of said) {
    const path = below(one.path)
    const missing = (reason: string) => listing.unreadable.push({ path: displayPath(path), reason })
    const note = (kind: string, message: string) =>
      listing.warnings.push({ class: kind, message, path: displayPath(path) })
    if (one.word === 'gone') note('vanished', 'gone before it could be read, or a link that leads nowhere')
    if (one.word === 'other') note('not_a_file', NO_FILE)
    if (one.word === 'absent') missing('there is no such folder in this pod: say where its WAL is')
    if (one.word === 'denied') {
      missing('permission denied')
      if (roleOf(path) === 'checkpoint')
        checkpoints.set(keyOf(path), { sidecar: { path, text: null, reason: 'permission denied' }, modifiedMs: 0 })
    }
    if (one.word === 'link' && !said.some(({ word, id }) => word === 'dir' && id === one.id))
      missing('a link to a folder, which is not followed: name that folder as a source')
    if (one.word.startsWith('mark')) {
      const text = Buffer.from(one.word.slice('mark'.length).replace(/\s/g, ''), 'hex')
      checkpoints.set(keyOf(path), { sidecar: await sidecarOf(path, text), modifiedMs: 0 })
    }
    if (one.word !== 'file') continue
    const role = roleOf(path, folders.beside(path))
    if (role === 'checkpoint') {
      const known = checkpoints.get(keyOf(path))
      if (known !== undefined) known.modifiedMs = one.modifiedMs
    }
    if (role === 'unfinished_checkpoint') listing.unfinished.push(path)
    if (role === 'half_made') missing(HALF_MADE)
    if (role === 'packed') missing(PACKED)
    // The one file that a source may name is a WAL whatever its name.
    const isNamed = first.word === 'wal' && one.path.equals(first.path)
    if (isWal(role) || role === 'archive') found.push({ one, path, role })
    else if (role === 'other' && isNamed) found.push({ one, path, role: 'legacy' })
    else if (role === 'other') others.push(path)
  }
  for (const { one, path, role } of found) {
    const identity = `${target.identity} ${one.id}`
    if (search.seen.has(identity)) {
      listing.repeated++
      continue
    }
    search.seen.add(identity)
    const hasCheckpoint = role === 'legacy' || role === 'segment'
    listing.files.push(await fileOf(one, path, role, hasCheckpoint ? besideFile(path, checkpoints) : undefined, target))
  }
  listing.files.sort((a, b) => Buffer.compare(a.path, b.path))
  listing.warnings.push(...notWal(others))
  listing.segments = !target.namesFiles && folders.hasSegments()
  return listing
}

async function fileOf(
  { id, size, modifiedMs, path: stands }: Said,
  path: Buffer,
  role: FoundFile['role'],
  checkpoint: { sidecar: Sidecar; modifiedMs: number } | undefined,
  { shell }: ReachablePod,
): Promise<FoundFile> {
  const stored: PodFile = { via: 'pod', shell, path: stands, bytes: size }
  const compression = compressionOf(path)
  const measured = compression === 'none' || checkpoint === undefined || role === 'archive'
  return {
    path,
    role,
    bytes: compression === 'none' ? size : measured ? null : await unpackedBytes(readPod(stored, 0), compression),
    storedBytes: size,
    modifiedMs: Math.max(modifiedMs, checkpoint?.modifiedMs ?? 0),
    version: `${id} ${size} ${modifiedMs}`,
    locator: { stored, compression, members: [] },
    ...(checkpoint === undefined ? {} : { checkpoint: checkpoint.sidecar }),
  }
}

/** Paths as reports have them: below the folder that was named or that holds the WAL, called after the pod. */
function belowOf({ word, path }: Said, { pod, namesFiles }: ReachablePod): (path: Buffer) => Buffer {
  const holding = word === 'folder' ? path : parent(path)
  const base = lastComponent(holding).toString('latin1').endsWith('.segments') ? parent(holding) : holding
  const prefix = namesFiles ? Buffer.from(pod) : Buffer.alloc(0)
  return (full) => join(prefix, full.subarray(base.length + 1))
}

function saidIn(output: Buffer): Said[] {
  const fields: Buffer[] = []
  for (let at = 0; at < output.length; ) {
    const end = output.indexOf(0, at)
    if (end < 0) break
    fields.push(output.subarray(at, end))
    at = end + 1
  }
  const all: Said[] = []
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const text = fields[i].toString('latin1')
    const [word, id = '', size = '', seconds = ''] = text.startsWith('mark') ? [text] : text.split(' ')
    // Memory of its own: the whole output would be kept for the sake of a few names.
    all.push({ word, id, size: Number(size), modifiedMs: Number(seconds) * 1000, path: Buffer.from(fields[i + 1]) })
  }
  return all
}
