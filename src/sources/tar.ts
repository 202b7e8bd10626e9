import type { ReadProblem } from '../domain/wal.js'
import { GunzipProblem, gunzipStream } from './gzip.js'
import type { Content } from './source.js'
import { type Member, TarReader } from './tar-reader.js'

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
