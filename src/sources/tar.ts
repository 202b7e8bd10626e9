import type { ReadProblem } from '../domain/wal.js'
import { GunzipProblem, gunzipStream } from './gzip.js'
import { isGzip, roleOf } from './layout.js'
import { displayPath, memberPath } from './names.js'
import { type Content, emptyListing, type Listing, MAX_SIDECAR_BYTES } from './source.js'
import { type Member, TarReader } from './tar-reader.js'

/**
 * Finds the WAL files in an archive by reading it once, nothing kept but headers and sidecars. Where it ends early this is
 * listed under an empty path.
 */
export async function listTar(path: Buffer, compression: 'none' | 'gzip'): Promise<Listing> {
  const listing = emptyListing()
  const reader = new TarReader(path, compression)
  for await (const member of reader.members()) await listMember(member, path, compression, listing)
  if (reader.problem !== null) listing.unreadable.push({ path: '', reason: reader.problem.reason })
  return listing
}

async function listMember(member: Member, path: Buffer, compression: 'none' | 'gzip', listing: Listing): Promise<void> {
  const inside = memberPath(member.name)
  if (inside === null || member.type === 'folder') return
  const name = displayPath(inside.path)
  const warn = (kind: string, message: string) => listing.warnings.push({ class: kind, message, path: name })
  const role = roleOf(inside.path, false)
  if (role === 'other' || role === 'ignored') return
  if (role === 'archive') {
    warn('nested_archive', 'archive inside an archive: unpack it first')
    return
  }
  if (member.type === 'sparse file') {
    listing.unreadable.push({ path: name, reason: 'stored as a sparse file: pack it without --sparse' })
    return
  }
  if (member.type !== 'file') {
    warn('not_a_file', `${member.type} in an archive: skipped`)
    return
  }
  if (inside.changed) warn('unsafe_name', 'archive member with a name that points outside: read as if it stood inside')
  const sidecar = role === 'checkpoint' ? await smallText(member) : undefined
  listing.files.push({
    path: inside.path,
    bytes: isGzip(inside.path) ? null : member.size,
    storedBytes: member.size,
    modifiedMs: member.modifiedMs,
    locator: { via: 'tar', path, compression, member: member.number },
    ...(sidecar === undefined ? {} : { sidecar }),
  })
}

/** The members with these numbers (rising), one after another. Each content must be read before the next is asked for. */
export async function* readTar(
  path: Buffer,
  compression: 'none' | 'gzip',
  wanted: readonly { readonly member: number; readonly gzip: boolean }[],
): AsyncIterable<{ member: number; content: Content }> {
  const reader = new TarReader(path, compression)
  const left = [...wanted]
  for await (const member of reader.members()) {
    if (left[0].member !== member.number) continue
    const [{ gzip }] = left.splice(0, 1)
    yield { member: member.number, content: memberContent(member, gzip, reader) }
    if (left.length === 0) return
  }
  const gone: ReadProblem = reader.problem ?? { kind: 'vanished', reason: 'the archive changed since it was listed' }
  for (const { member } of left) yield { member, content: nothing(gone) }
}

function memberContent(member: Member, gzip: boolean, reader: TarReader): Content {
  let problem: ReadProblem | null = null
  async function* chunks(): AsyncIterable<Uint8Array> {
    try {
      yield* gzip ? gunzipStream(member.content) : member.content
    } catch (error) {
      if (!(error instanceof GunzipProblem)) throw error
      problem = error.problem
    }
    // A cut of the archive is why the data within it are cut.
    problem = reader.problem ?? problem
  }
  return { chunks: chunks(), problem: () => problem, grownBytes: () => 0 }
}

function nothing(problem: ReadProblem): Content {
  return { chunks: (async function* () {})(), problem: () => problem, grownBytes: () => 0 }
}

async function smallText({ size, content }: Member): Promise<string> {
  if (size > MAX_SIDECAR_BYTES) return 'too long'
  const parts: Buffer[] = []
  for await (const chunk of content) parts.push(Buffer.from(chunk))
  return Buffer.concat(parts).toString('utf8')
}
