import type { Locator, ReadProblem } from '../domain/wal.js'
import type { Allowance } from './allowance.js'
import { problemOf } from './read-failure.js'
import type { Content } from './source.js'
import { TarReader } from './tar-reader.js'
import { unpack } from './unpack.js'

/**
 * Members of an archive, as they stand in it, in one pass over it. Each content must be read before the next is asked for.
 * @param archive its bytes, out of their compression
 * @param wanted files within it
 * @param allowance of the stored file
 * @param depth how many archives hold this one
 */
export async function* readArchive<File extends { readonly locator: Locator }>(
  archive: AsyncIterable<Uint8Array>,
  wanted: readonly File[],
  allowance: Allowance,
  depth = 0,
): AsyncIterable<{ file: File; content: Content }> {
  const left = new Map<number, File[]>()
  for (const file of wanted) {
    const { number } = file.locator.members[depth]
    left.set(number, [...(left.get(number) ?? []), file])
  }
  const reader = new TarReader(archive, allowance)
  for await (const entry of reader.entries()) {
    const files = left.get(entry.number)
    if (files === undefined) continue
    left.delete(entry.number)
    const { members } = files[0].locator
    const content = unpack(entry.content, members[depth].compression, allowance)
    if (members.length > depth + 1) yield* readArchive(content, files, allowance, depth + 1)
    else yield { file: files[0], content: memberContent(content, reader) }
    if (left.size === 0) return
  }
  const gone: ReadProblem = reader.problem ?? { kind: 'vanished', reason: 'the archive changed since it was listed' }
  for (const file of [...left.values()].flat()) yield { file, content: nothing(gone) }
}

function memberContent(content: AsyncIterable<Uint8Array>, reader: TarReader): Content {
  let problem: ReadProblem | null = null
  async function* chunks(): AsyncIterable<Uint8Array> {
    try {
      yield* content
    } catch (error) {
      problem = problemOf(error)
    }
    // A cut of the archive is why the data within it are cut.
    problem = reader.problem ?? problem
  }
  return { chunks: chunks(), problem: () => problem, grownBytes: () => 0 }
}

function nothing(problem: ReadProblem): Content {
  return { chunks: (async function* () {})(), problem: () => problem, grownBytes: () => 0 }
}
