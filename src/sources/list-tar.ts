import { checkpointNames, isGzip, isWal, type Role, roleOf } from './layout.js'
import { gunzippedBytes, sidecarOf } from './local-file.js'
import { displayPath, join, lastComponent, memberPath, parent } from './names.js'
import {
  emptyListing,
  type FoundFile,
  type Listing,
  MAX_SIDECAR_BYTES,
  notWal,
  PACKED,
  type Sidecar,
} from './source.js'
import { TarReader } from './tar-reader.js'

type Compression = 'none' | 'gzip'

/** A member that may be read, as its header and the name of its folder's others tell once the archive has been passed. */
interface Entry {
  readonly path: Buffer
  readonly member: number
  readonly type: string
  readonly size: number
  readonly modifiedMs: number
  /** The name pointed outside. */
  readonly changed: boolean
}

/**
 * Finds the WAL files in an archive by reading it once, nothing kept but headers and sidecars. Where it ends early this is
 * listed under an empty path.
 */
export async function listTar(path: Buffer, compression: Compression): Promise<Listing> {
  const reader = new TarReader(path, compression)
  const entries: Entry[] = []
  const sidecars = new Map<string, Sidecar>()
  const folders = new Map<string, Set<string>>()
  for await (const { number: member, name, type, size, modifiedMs, content } of reader.members()) {
    const inside = memberPath(name)
    if (inside === null) continue
    addToFolders(folders, inside.path, type === 'folder')
    if (type === 'folder') continue
    if (type === 'file' && roleOf(inside.path) === 'checkpoint')
      sidecars.set(keyOf(inside.path), sidecarOf(inside.path, await beginningOf(content)))
    entries.push({ ...inside, member, type, size, modifiedMs })
  }
  const listing = emptyListing()
  const others: Buffer[] = []
  for (const entry of entries) {
    const role = roleOf(entry.path, folders.get(keyOf(parent(entry.path))))
    if (role === 'other' && entry.type === 'file') others.push(entry.path)
    if (role === 'unfinished_checkpoint') listing.unfinished.push(entry.path)
    if (!isReadable(entry, role, listing) || !isWal(role)) continue
    const checkpoint = role === 'corrupt' ? undefined : checkpointOf(entry.path, sidecars)
    listing.files.push({
      path: entry.path,
      role,
      bytes: isGzip(entry.path) ? null : entry.size,
      storedBytes: entry.size,
      modifiedMs: entry.modifiedMs,
      locator: { via: 'tar', path, compression, member: entry.member },
      ...(checkpoint === undefined ? {} : { checkpoint }),
    })
  }
  listing.warnings.push(...notWal(others))
  listing.segments = [...folders.keys()].some((folder) => folder.endsWith('.segments'))
  if (reader.problem !== null) listing.unreadable.push({ path: '', reason: reader.problem.reason })
  return { ...listing, files: await measured(path, compression, listing.files) }
}

/** False where a member is passed over; says why. */
function isReadable(entry: Entry, role: Role, listing: Listing): boolean {
  const path = displayPath(entry.path)
  const warn = (kind: string, message: string) => listing.warnings.push({ class: kind, message, path })
  const missing = (reason: string) => listing.unreadable.push({ path, reason })
  if (entry.type !== 'file' && entry.type !== 'sparse file') warn('not_a_file', `${entry.type} in an archive: skipped`)
  else if (role === 'archive') missing('an archive inside an archive: unpack it first')
  else if (role === 'packed') missing(PACKED)
  else if (!isWal(role)) return false
  else if (entry.type === 'sparse file') missing('stored as a sparse file: pack it without --sparse')
  else {
    if (entry.changed) warn('unsafe_name', 'archive member with a name that points outside: read as if it stood inside')
    return true
  }
  return false
}

const keyOf = (path: Buffer) => path.toString('latin1')

/** Notes a member, and the folders that hold it, among the names of their folders. */
function addToFolders(folders: Map<string, Set<string>>, path: Buffer, isFolder: boolean): void {
  let name = `${keyOf(lastComponent(path))}${isFolder ? '/' : ''}`
  if (isFolder && !folders.has(keyOf(path))) folders.set(keyOf(path), new Set())
  for (let at = path; at.length > 0; ) {
    at = parent(at)
    const beside = folders.get(keyOf(at))
    if (beside === undefined) folders.set(keyOf(at), new Set([name]))
    else beside.add(name)
    // A folder that was known is known to those above it.
    if (beside !== undefined) return
    name = `${keyOf(lastComponent(at))}/`
  }
}

function checkpointOf(path: Buffer, sidecars: ReadonlyMap<string, Sidecar>): Sidecar | undefined {
  for (const name of checkpointNames(keyOf(lastComponent(path)))) {
    const found = sidecars.get(keyOf(join(parent(path), Buffer.from(name, 'latin1'))))
    if (found !== undefined) return found
  }
  return undefined
}

/** Compressed members with a checkpoint are read through once for their length: it decides what the checkpoint means. */
async function measured(path: Buffer, compression: Compression, files: FoundFile[]): Promise<FoundFile[]> {
  const unknown = files.filter(({ bytes, checkpoint }) => bytes === null && checkpoint !== undefined)
  if (unknown.length === 0) return files
  const lengths = new Map<number, number | null>()
  const wanted = new Set(unknown.map(({ locator }) => (locator.via === 'tar' ? locator.member : -1)))
  for await (const { number, content } of new TarReader(path, compression).members())
    if (wanted.has(number)) lengths.set(number, await gunzippedBytes(content))
  return files.map((file) =>
    file.locator.via === 'tar' && lengths.has(file.locator.member)
      ? { ...file, bytes: lengths.get(file.locator.member) ?? null }
      : file,
  )
}

async function beginningOf(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const chunk of content) {
    parts.push(Buffer.from(chunk.subarray(0, MAX_SIDECAR_BYTES - bytes)))
    bytes += chunk.length
    if (bytes >= MAX_SIDECAR_BYTES) break
  }
  return Buffer.concat(parts)
}
