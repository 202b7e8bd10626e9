import { createReadStream } from 'node:fs'
import { PassThrough, type Readable, Transform } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import type { ReadProblem } from '../domain/wal.js'
import { GunzipProblem, gunzipStream } from './gzip.js'
import { isGzip, roleOf } from './layout.js'
import { displayPath, memberPath } from './names.js'
import { type Content, emptyListing, type Listing, MAX_SIDECAR_BYTES } from './source.js'

type Compression = 'none' | 'gzip'

const END_MARK_BYTES = 512

/** One header of an archive and its content, which must be read to its end before the next one comes. */
interface Member {
  /** From 0, counting every header. */
  readonly number: number
  readonly name: Buffer
  readonly type: string
  readonly size: number
  readonly modifiedMs: number | null
  readonly body: Readable
}

interface Walked {
  readonly members: AsyncIterable<Member>
  /** Set once the members have ended where the archive ended before its own end mark. */
  problem(): ReadProblem | null
}

/** Finds the WAL files in an archive by reading it once, nothing kept but headers and sidecars. */
export async function listTar(path: Buffer, compression: Compression): Promise<Listing> {
  const listing = emptyListing()
  const walked = walkTar(path, compression)
  for await (const member of walked.members) {
    const inside = memberPath(member.name)
    if (inside === null || member.type === 'directory') {
      member.body.resume()
      continue
    }
    const name = displayPath(inside.path)
    const role = roleOf(inside.path, false)
    if (member.type !== 'file' && member.type !== 'contiguous-file') {
      listing.warnings.push({
        class: 'not_a_file',
        message: `archive member of type ${member.type}: skipped`,
        path: name,
      })
      member.body.resume()
      continue
    }
    if (inside.changed)
      listing.warnings.push({
        class: 'unsafe_name',
        message: 'archive member with a name that points outside',
        path: name,
      })
    if (role === 'other' || role === 'ignored' || role === 'archive') {
      if (role === 'archive')
        listing.warnings.push({
          class: 'nested_archive',
          message: 'archive inside an archive: unpack it first',
          path: name,
        })
      member.body.resume()
      continue
    }
    const sidecar = role === 'checkpoint' ? await smallText(member.body) : undefined
    if (sidecar === undefined) member.body.resume()
    listing.files.push({
      path: inside.path,
      bytes: isGzip(inside.path) ? null : member.size,
      storedBytes: member.size,
      modifiedMs: member.modifiedMs,
      locator: { via: 'tar', path, compression, member: member.number },
      ...(sidecar === undefined ? {} : { sidecar }),
    })
  }
  return listing
}

/** The members with these numbers (rising), one after another. Each content must be read before the next is asked for. */
export async function* readTar(
  path: Buffer,
  compression: Compression,
  wanted: readonly { readonly member: number; readonly gzip: boolean }[],
): AsyncIterable<{ member: number; content: Content }> {
  const walked = walkTar(path, compression)
  const left = [...wanted]
  for await (const member of walked.members) {
    const next = left[0]
    if (next === undefined || next.member !== member.number) {
      member.body.resume()
      continue
    }
    left.shift()
    yield { member: member.number, content: memberContent(member, next.gzip, walked) }
    if (left.length === 0) break
  }
  const gone: ReadProblem = walked.problem() ?? { kind: 'vanished', reason: 'the archive changed since it was listed' }
  for (const { member } of left) yield { member, content: nothing(gone) }
}

function memberContent(member: Member, gzip: boolean, walked: Walked): Content {
  let problem: ReadProblem | null = null
  async function* chunks(): AsyncIterable<Uint8Array> {
    let got = 0
    const counted = async function* () {
      for await (const chunk of member.body) {
        got += (chunk as Buffer).length
        yield chunk as Buffer
      }
    }
    try {
      if (gzip) yield* gunzipStream(counted())
      else yield* counted()
    } catch (error) {
      problem =
        error instanceof GunzipProblem
          ? error.problem
          : {
              kind: 'truncated_archive',
              reason: `the archive ends within this file, after ${got} of ${member.size} bytes`,
            }
    }
    if (problem === null && got < member.size)
      problem = walked.problem() ?? { kind: 'truncated_archive', reason: `${got} of ${member.size} bytes are there` }
  }
  return { chunks: chunks(), problem: () => problem, grownBytes: () => 0 }
}

export function nothing(problem: ReadProblem): Content {
  return { chunks: (async function* () {})(), problem: () => problem, grownBytes: () => 0 }
}

function walkTar(path: Buffer, compression: Compression): Walked {
  let problem: ReadProblem | null = null
  async function* members(): AsyncIterable<Member> {
    const file = createReadStream(path, { highWaterMark: 1 << 20 })
    // Names are taken as bytes: latin1 maps each byte to one character and back.
    const unpacked = extract({ filenameEncoding: 'latin1' } as never)
    const end = new EndMark()
    const gunzip = compression === 'gzip' ? createGunzip() : null
    // An error of any stage ends the walk; it is read off here instead of being thrown at nobody.
    const fail = (error: Error) => unpacked.destroy(error)
    file.on('error', fail)
    gunzip?.on('error', fail)
    end.on('error', fail)
    if (gunzip === null) file.pipe(end)
    else file.pipe(gunzip).pipe(end)
    end.pipe(unpacked)
    let number = 0
    let last: { size: number; got: number } | null = null
    try {
      for await (const entry of unpacked) {
        const { header } = entry
        const state = { size: header.size ?? 0, got: 0 }
        last = state
        const through = entry.pipe(new PassThrough())
        entry.on('data', (chunk: unknown) => {
          state.got += (chunk as Buffer).length
        })
        entry.on('error', (error: Error) => through.destroy(error))
        yield {
          number: number++,
          name: Buffer.from(header.name, 'latin1'),
          type: header.type ?? 'file',
          size: header.size ?? 0,
          modifiedMs: header.mtime?.getTime() ?? null,
          body: through,
        }
      }
      if (last !== null && last.got < last.size)
        problem = { kind: 'truncated_archive', reason: 'the archive ends within a file' }
      else if (!end.seen) problem = { kind: 'truncated_archive', reason: 'the archive ends before its end mark' }
    } catch (error) {
      const text = (error as Error).message
      const cut = /unexpected end|premature close/i.test(text)
      problem = cut
        ? { kind: 'truncated_archive', reason: 'the archive ends before its end mark' }
        : { kind: 'corrupt_archive', reason: text }
    } finally {
      file.destroy()
    }
  }
  return { members: members(), problem: () => problem }
}

/** Passes an archive through and notices its end mark, blocks of zeros: tar-stream does not say whether it was there. */
class EndMark extends Transform {
  private tail = Buffer.alloc(0)

  get seen(): boolean {
    return this.tail.length === END_MARK_BYTES && this.tail.every((byte) => byte === 0)
  }

  override _transform(chunk: Buffer, _: BufferEncoding, done: (error: null, chunk: Buffer) => void): void {
    this.tail = Buffer.concat([this.tail, chunk.subarray(-END_MARK_BYTES)]).subarray(-END_MARK_BYTES)
    done(null, chunk)
  }
}

async function smallText(body: Readable): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += (chunk as Buffer).length
    if (bytes <= MAX_SIDECAR_BYTES) parts.push(chunk as Buffer)
  }
  return bytes > MAX_SIDECAR_BYTES ? 'too long' : Buffer.concat(parts).toString('utf8')
}
