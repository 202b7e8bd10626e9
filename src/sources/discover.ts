import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import fastGlob from 'fast-glob'
import pLimit from 'p-limit'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import type { WalFile, Warning } from '../domain/wal.js'
import { assemble, type SourceFile } from './assemble.js'
import { roleOf } from './layout.js'
import type { Limit } from './limit.js'
import { archiveName, displayPath, join, lastComponent } from './names.js'
import type { Listing } from './source.js'
import { listTar } from './tar.js'
import { foundFile, reasonOf, type Seen, walk } from './walk.js'

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
  /** Files looked at at once. */
  readonly concurrency: number
  readonly signal?: AbortSignal
}

/**
 * Finds the WAL files behind the source arguments: folders, files, archives, and patterns where no such file exists.
 * Throws `source_not_found` where an argument leads to nothing.
 */
export async function discover(sources: readonly string[], options: DiscoverOptions): Promise<Discovery> {
  const limit: Limit = pLimit(Math.max(1, options.concurrency))
  const seen: Seen = new Set()
  const found: SourceFile[] = []
  const unreadable: { path: string; reason: string }[] = []
  const warnings: Warning[] = []
  for (const source of sources) {
    const paths = await expand(source)
    let files = 0
    let read = 0
    for (const path of paths) {
      options.signal?.throwIfAborted()
      const { listing, fallbackPod } = await list(path, seen, limit)
      const opened = await openArchives(listing, fallbackPod, limit, path)
      files += opened.files.length
      read += listing.unreadable.length + opened.unreadable.length + opened.known
      found.push(...opened.files)
      unreadable.push(...listing.unreadable, ...opened.unreadable)
      warnings.push(...listing.warnings, ...opened.warnings)
    }
    if (files === 0 && read === 0) throw nothingThere(source)
  }
  return { ...assemble(found, warnings), unreadable }
}

/** What an argument names: the path itself where it exists, otherwise what it matches as a pattern. */
async function expand(source: string): Promise<string[]> {
  if (existsSync(source)) return [resolve(source)]
  // obleth's own name of a WAL, `P`, where only its segments are left.
  if (existsSync(`${source}.segments`)) return [resolve(`${source}.segments`)]
  const matches = await fastGlob(source, { onlyFiles: false, absolute: true, dot: true, followSymbolicLinks: false })
  if (matches.length === 0)
    throw new LedgerError('source_not_found', `nothing is there, and nothing matches: ${printable(source)}`, {
      place: printable(resolve(source)),
      hint: 'give the folder that holds the pods, a WAL file, an archive, or a quoted pattern',
    })
  return matches.sort()
}

/** `fallbackPod`: the pod of files that stand at the root of the source. */
async function list(path: string, seen: Seen, limit: Limit): Promise<{ listing: Listing; fallbackPod: string }> {
  const full = Buffer.from(path)
  try {
    const info = await stat(full)
    if (info.isDirectory()) {
      const identity = `${info.dev} ${info.ino}`
      if (seen.has(identity))
        return { listing: { files: [], unreadable: [], warnings: [alreadyRead(path)] }, fallbackPod: '' }
      seen.add(identity)
      const segments = path.endsWith('.segments')
      const listing = await walk(full, seen, limit)
      // The argument is the folder of segments itself: its name belongs to the path, or no file would look like one.
      const below = Buffer.from(basename(path))
      const files = segments ? listing.files.map((file) => ({ ...file, path: join(below, file.path) })) : listing.files
      return { listing: { ...listing, files }, fallbackPod: basename(segments ? dirname(path) : path) }
    }
    const name = lastComponent(full)
    if (!info.isFile()) {
      const warning = { class: 'not_a_file', message: 'neither file nor folder: skipped', path: displayPath(name) }
      return { listing: { files: [], unreadable: [], warnings: [warning] }, fallbackPod: '' }
    }
    const identity = `${info.dev} ${info.ino}`
    if (seen.has(identity))
      return { listing: { files: [], unreadable: [], warnings: [alreadyRead(path)] }, fallbackPod: '' }
    seen.add(identity)
    const file = await foundFile(full, name)
    const parts = [file]
    const sidecar = Buffer.concat([full, Buffer.from('.offset')])
    if (existsSync(sidecar)) parts.push(await foundFile(sidecar, lastComponent(sidecar)))
    const folder = dirname(path)
    const pod = folder.endsWith('.segments') ? basename(dirname(folder)) : basename(folder)
    return {
      listing: { files: parts.map((part) => ({ ...part, explicit: true })), unreadable: [], warnings: [] },
      fallbackPod: roleOf(name, true) === 'archive' ? archiveName(path) : pod,
    }
  } catch (error) {
    const missing = { path: printable(path), reason: reasonOf(error) }
    return { listing: { files: [], unreadable: [missing], warnings: [] }, fallbackPod: '' }
  }
}

function alreadyRead(path: string): Warning {
  return { class: 'already_read', message: 'given twice: read once', path: printable(basename(path)) }
}

/** Replaces the archives of a listing by what they hold. */
async function openArchives(listing: Listing, fallbackPod: string, limit: Limit, root: string) {
  const files: SourceFile[] = []
  const unreadable: { path: string; reason: string }[] = []
  const warnings: Warning[] = []
  let known = 0
  for (const file of listing.files) {
    if (roleOf(file.path, true) !== 'archive') {
      files.push({ ...file, root, fallbackPod })
      continue
    }
    known++
    const outer = displayPath(file.path)
    try {
      const compression = /\.(tgz|gz)$/i.test(outer) ? 'gzip' : 'none'
      const inside = await limit(() => listTar(Buffer.from(file.locator.path), compression))
      warnings.push(...inside.warnings.map((warning) => ({ ...warning, path: `${outer}/${warning.path ?? ''}` })))
      unreadable.push(
        ...inside.unreadable.map(({ path, reason }) => ({ path: path === '' ? outer : `${outer}/${path}`, reason })),
      )
      for (const member of inside.files)
        files.push({ ...member, root: `${root}/${outer}`, fallbackPod: archiveName(outer), archive: file.path })
    } catch (error) {
      unreadable.push({ path: outer, reason: reasonOf(error) })
    }
  }
  return { files, unreadable, warnings, known }
}

function nothingThere(source: string): LedgerError {
  return new LedgerError('source_not_found', `no WAL files in ${printable(source)}`, {
    place: printable(resolve(source)),
    hint: 'looked for <name>.segments/*.jsonl, *.wal, *.jsonl, with .gz or .corrupt behind them, and .tar, .tar.gz, .tgz',
  })
}
