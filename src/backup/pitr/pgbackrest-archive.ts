import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { LedgerError } from '../../domain/errors.js'
import { lastWords, type ProgramOptions, type Running, run, stream } from '../program.js'
import { isSegmentName } from './wal.js'

/** How a segment may be compressed, by the ending of its name, and the program that undoes it. */
const PROGRAMS: Readonly<Record<string, string>> = { gz: 'gzip', lz4: 'lz4', zst: 'zstd', bz2: 'bzip2' }

/** A stored segment: the SHA-1 of what it was, and how it is compressed. */
const STORED = /^[0-9A-F]{24}-([0-9a-f]{40})(?:\.(gz|lz4|zst|bz2))?$/

/** Where pgBackRest keeps the WAL of a cluster: a repository by its number, and a folder in it. */
export interface ArchiveFolder {
  readonly repository: number
  readonly path: string
}

/**
 * Writes a segment, or a timeline's history, to a file. By `repo-get` and not by `archive-get`, which wants the data directory
 * of the cluster, and that may be what is lost.
 *
 * @param stanza arguments that name the stanza
 * @returns false where the archive does not have it
 * @throws LedgerError `source_failed` where it is damaged, `config` where the program that decompresses it is missing
 */
export async function fetchArchived(
  stanza: readonly string[],
  { repository, path }: ArchiveFolder,
  name: string,
  file: string,
  options: ProgramOptions,
): Promise<boolean> {
  const asked = [...stanza, `--repo=${repository}`]
  const folder = isSegmentName(name) ? `${path}/${name.slice(0, 16)}` : path
  const pattern = isSegmentName(name) ? `^${name}-[0-9a-f]{40}` : `^${name}$`
  const listed = await run('pgbackrest', [...asked, `--filter=${pattern}`, 'repo-ls', folder], options)
  if (listed.exitCode !== 0) throw damaged(name, lastWords(listed))
  const stored = listed.stdout.split('\n').find((found) => found === name || STORED.test(found))
  if (stored === undefined) return false
  const [, sha1, ending] = STORED.exec(stored) ?? []
  const got = stream('pgbackrest', [...asked, 'repo-get', `${folder}/${stored}`], options)
  const plain =
    ending === undefined ? null : stream(PROGRAMS[ending], ['-dc'], { ...options, input: through(got.stdout) })
  const hash = createHash('sha1')
  try {
    await pipeline((plain ?? got).stdout, hashed(hash), createWriteStream(file, { mode: 0o644 }))
    for (const running of plain === null ? [got] : [got, plain]) await assertEnded(running, name)
    if (sha1 !== undefined && hash.digest('hex') !== sha1) throw damaged(name, 'its SHA-1 is not that of its name')
  } catch (error) {
    await rm(file, { force: true })
    throw error
  } finally {
    plain?.stop()
    got.stop()
  }
  return true
}

/** As chunks: a stream of another process would be handed over as its file descriptor, while this process reads it too. */
async function* through(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  yield* chunks
}

const hashed = (hash: ReturnType<typeof createHash>) =>
  async function* (chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      hash.update(chunk)
      yield chunk
    }
  }

async function assertEnded(running: Running, name: string): Promise<void> {
  const ran = await running.ended()
  if (ran.exitCode !== 0) throw damaged(name, lastWords(ran))
}

const damaged = (name: string, said: string) =>
  new LedgerError('source_failed', `a file of the archive cannot be read: ${said}`, {
    place: name,
    hint: 'pgbackrest verify says what else is damaged; a full backup begins a new window',
  })
