import { resolve } from 'node:path'
import pLimit from 'p-limit'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import type { WalFile, Warning } from '../domain/wal.js'
import { assemble } from './assemble.js'
import { expand } from './expand.js'
import { type Listed, listPath } from './list-path.js'
import { listTar } from './list-tar.js'
import { archiveName, displayPath } from './names.js'
import type { FoundFile, Held, Search } from './source.js'

export interface Discovery {
  /** In reading order. */
  readonly files: WalFile[]
  readonly pods: string[]
  /** Known sizes, bytes; compressed files by what they take up. */
  readonly bytes: number
  readonly unreadable: { path: string; reason: string }[]
  readonly warnings: Warning[]
  /** Pods that look as if they were still running, and why. */
  readonly live: { pod: string; reason: string }[]
}

export interface DiscoverOptions {
  /** Files looked at, and archives read, at once. */
  readonly concurrency: number
  readonly signal?: AbortSignal
}

/**
 * Finds the WAL files behind the source arguments: folders, files, archives, and patterns where no such file exists.
 * Throws `source_not_found` where an argument leads to nothing that could be a WAL, or all of them together to none. What
 * is there and cannot be read is listed instead.
 */
export async function discover(sources: readonly string[], options: DiscoverOptions): Promise<Discovery> {
  const search: Search = {
    limit: pLimit(Math.max(1, options.concurrency)),
    seen: new Set(),
    signal: options.signal,
  }
  const held: Held[] = []
  const unreadable: { path: string; reason: string }[] = []
  const warnings: Warning[] = []
  for (const source of sources) {
    const expanded = await expand(source)
    unreadable.push(...expanded.unreadable)
    let known = expanded.unreadable.length > 0
    for (const path of expanded.paths) {
      options.signal?.throwIfAborted()
      const listed = await listPath(path, expanded.literal, search)
      const { files, segments, repeated } = listed.listing
      known ||= listed.passedOver || segments || repeated > 0 || listed.listing.unreadable.length > 0
      known ||= files.length > 0
      if (segments && files.length === 0 && repeated === 0) warnings.push(drained(path))
      held.push(...(await openArchives(listed, search)))
    }
    if (!known) throw nothingIn([source])
  }
  for (const { listing } of held) {
    unreadable.push(...listing.unreadable)
    warnings.push(...listing.warnings)
  }
  const assembled = assemble(held)
  if (assembled.files.length === 0 && unreadable.length === 0) throw nothingIn(sources)
  warnings.push(...assembled.warnings)
  unreadable.push(...assembled.unreadable)
  return { ...assembled, unreadable, warnings }
}

/** The listing without its archives, and a listing for each of them. */
async function openArchives({ listing, root, fallbackPod }: Listed, search: Search): Promise<Held[]> {
  const archives = listing.files.filter(({ role }) => role === 'archive')
  const files = listing.files.filter(({ role }) => role !== 'archive')
  const opened = await Promise.all(archives.map((archive) => search.limit(() => openArchive(archive, root))))
  return [{ listing: { ...listing, files }, holder: { root, archive: null, fallbackPod } }, ...opened]
}

async function openArchive(archive: FoundFile, root: string): Promise<Held> {
  const name = displayPath(archive.path)
  const holder = { root, archive: archive.path, fallbackPod: archiveName(name) }
  const compression = /gz$/i.test(name) ? 'gzip' : 'none'
  const inside = await listTar(Buffer.from(archive.locator.path), compression)
  const under = (path: string | undefined) => (path === undefined || path === '' ? name : `${name}/${path}`)
  return {
    holder,
    listing: {
      ...inside,
      warnings: inside.warnings.map((warning) => ({ ...warning, path: under(warning.path) })),
      unreadable: inside.unreadable.map(({ path, reason }) => ({ path: under(path), reason })),
    },
  }
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
    ...(sources.length === 1 ? { place: printable(resolve(sources[0])) } : {}),
    hint: 'looked for <name>.segments/*.jsonl, *.wal, *.jsonl, with .gz or .corrupt behind them, and .tar, .tar.gz, .tgz',
  })
}
