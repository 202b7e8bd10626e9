import pLimit from 'p-limit'
import { LedgerError } from '../domain/errors.js'
import type { S3Options } from '../domain/options.js'
import { printable } from '../domain/printable.js'
import type { Locator, WalFile, Warning } from '../domain/wal.js'
import { assemble } from './assemble.js'
import { KnownPods } from './known-pods.js'
import { listArchive } from './list-archive.js'
import { absoluteSource, placeOf, releasePlaces } from './places.js'
import type { Held, Listed, Search } from './source.js'
import { assertZstd } from './zstd.js'

export interface Discovery {
  /** In reading order. */
  readonly files: WalFile[]
  readonly pods: string[]
  /** Known sizes, bytes; compressed files by what they take up. */
  readonly bytes: number
  readonly unreadable: { path: string; reason: string }[]
  readonly warnings: Warning[]
  /** Whether reading the files starts programs on this machine, such as kubectl or zstd. */
  readonly startsPrograms: boolean
  /** Pods that their source knows of, and of whose WAL nothing could be listed. */
  readonly unseenPods: readonly string[]
  /** Pods that are running, or look as if they were, and why. */
  readonly live: { pod: string; reason: string }[]
}

export interface DiscoverOptions {
  /** Files looked at, and archives read, at once. */
  readonly concurrency: number
  readonly s3: S3Options
  readonly signal?: AbortSignal
}

/**
 * Finds the WAL files behind the source arguments: folders, files, archives, and patterns where no such file exists.
 * Throws `source_not_found` where an argument leads to nothing that could be a WAL, or all of them together to none. What
 * is there and cannot be read is listed instead.
 */
export async function discover(sources: readonly string[], options: DiscoverOptions): Promise<Discovery> {
  try {
    return await find(sources, options)
  } finally {
    releasePlaces(new Error('all files are found'))
  }
}

async function find(sources: readonly string[], options: DiscoverOptions): Promise<Discovery> {
  const search: Search = {
    limit: pLimit(Math.max(1, options.concurrency)),
    s3: options.s3,
    seen: new Set(),
    signal: options.signal,
  }
  const held: Held[] = []
  const unreadable: { path: string; reason: string }[] = []
  const warnings: Warning[] = []
  const knownPods = new KnownPods()
  for (const source of sources) {
    const found = await placeOf(source).list(source, search)
    unreadable.push(...found.unreadable)
    knownPods.add(found.pods ?? [])
    let known = found.unreadable.length > 0 || (found.pods ?? []).length > 0
    for (const listed of found.listed) {
      const { listing, passedOver } = listed
      const { files, segments, repeated } = listing
      known ||= passedOver || segments || repeated > 0 || listing.unreadable.length > 0
      known ||= files.length > 0
      if (segments && files.length === 0 && repeated === 0) warnings.push(drained(listed.root))
      held.push(...(await openArchives(listed, search)))
    }
    if (!known) throw nothingIn([source])
  }
  for (const { listing } of held) {
    unreadable.push(...listing.unreadable)
    warnings.push(...listing.warnings)
  }
  const assembled = assemble(held)
  // Before anything is decoded, not in the middle of it.
  const zstd = assembled.files.some(({ locator }) => needsZstd(locator))
  if (zstd) await assertZstd()
  const startsPrograms = zstd || assembled.files.some(({ locator }) => locator.stored.via === 'pod')
  if (assembled.files.length === 0 && unreadable.length === 0) throw nothingIn(sources)
  warnings.push(...assembled.warnings)
  unreadable.push(...assembled.unreadable)
  return { ...assembled, ...knownPods.beside(assembled.pods), unreadable, warnings, startsPrograms }
}

/** The listing without its archives, and a listing for each of them. */
async function openArchives({ listing, root, fallbackPod, running }: Listed, search: Search): Promise<Held[]> {
  const archives = listing.files.filter(({ role }) => role === 'archive')
  const files = listing.files.filter(({ role }) => role !== 'archive')
  const opened = await Promise.all(
    archives.map((archive) => search.limit(() => listArchive(archive, root, search.signal))),
  )
  return [{ listing: { ...listing, files }, holder: { root, archive: null, fallbackPod, running } }, ...opened.flat()]
}

function needsZstd({ compression, members }: Locator): boolean {
  return compression === 'zstd' || members.some((member) => member.compression === 'zstd')
}

function drained(path: string): Warning {
  return {
    class: 'drained',
    message: 'a folder of segments without files: this pod has drained',
    path: printable(path),
  }
}

function nothingIn(sources: readonly string[]): LedgerError {
  return new LedgerError('source_not_found', `no WAL files in ${sources.map(printable).join(', ')}`, {
    ...(sources.length === 1 ? { place: printable(absoluteSource(sources[0])) } : {}),
    hint: 'looked for <name>.segments/*.jsonl, *.wal, *.jsonl, with .gz, .zst or .corrupt behind them, and .tar, .tar.gz, .tgz, .tar.zst',
  })
}
