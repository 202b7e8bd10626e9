import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, dirname, relative, resolve } from 'node:path'
import fastGlob from 'fast-glob'
import pLimit from 'p-limit'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import type { WalFile, Warning } from '../domain/wal.js'
import { assemble, type SourceFile } from './assemble.js'
import { roleOf } from './layout.js'
import type { Limit } from './limit.js'
import { archiveName, displayPath, join } from './names.js'
import { emptyListing, type Listing } from './source.js'
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
    const { paths, literal } = await expand(source)
    let met = 0
    for (const path of paths) {
      options.signal?.throwIfAborted()
      const listed = await list(path, literal, seen, limit)
      const { listing } = listed
      const opened = await openArchives(listed, limit)
      met += opened.files.filter(({ sidecar }) => sidecar === undefined).length
      met += listing.unreadable.length + opened.unreadable.length + listing.repeated
      found.push(...opened.files)
      unreadable.push(...listing.unreadable, ...opened.unreadable)
      warnings.push(...listing.warnings, ...opened.warnings)
    }
    if (met === 0) throw nothingThere(source)
  }
  return { ...assemble(found, warnings), unreadable }
}

/** What an argument names: the path itself where it exists, otherwise what it matches as a pattern. */
async function expand(source: string): Promise<{ paths: string[]; literal: boolean }> {
  if (existsSync(source)) return { paths: [resolve(source)], literal: true }
  // obleth's own name of a WAL, `P`, where only its segments are left.
  if (existsSync(`${source}.segments`)) return { paths: [resolve(`${source}.segments`)], literal: true }
  const matches = await fastGlob(source, { onlyFiles: false, absolute: true, dot: true, followSymbolicLinks: false })
  if (matches.length === 0)
    throw new LedgerError('source_not_found', `nothing is there, and nothing matches: ${printable(source)}`, {
      place: printable(resolve(source)),
      hint: 'give the folder that holds the pods, a WAL file, an archive, or a quoted pattern',
    })
  return { paths: matches.sort(), literal: false }
}

interface Listed {
  readonly listing: Listing
  /** The folder that the paths in the listing start from. */
  readonly root: string
  /** The pod of files that stand there. */
  readonly fallbackPod: string
  /** Files are read whatever their names. */
  readonly explicit: boolean
}

/** `literal`: the user wrote this very path, instead of a pattern that it matches. */
async function list(path: string, literal: boolean, seen: Seen, limit: Limit): Promise<Listed> {
  // A folder of segments, or a file in one, is seen from the folder of its pod: there it has its meaning.
  const segments = path.endsWith('.segments')
  const root = segments || dirname(path).endsWith('.segments') ? dirname(path) : path
  const listing = emptyListing()
  const full = Buffer.from(path)
  try {
    const info = await stat(full)
    const identity = `${info.dev} ${info.ino}`
    if (seen.has(identity)) {
      listing.repeated++
      if (literal) listing.warnings.push(alreadyRead(path))
      return { listing, root, fallbackPod: '', explicit: literal }
    }
    seen.add(identity)
    if (!info.isDirectory()) return await listFile(path, literal, info.isFile())
    const found = await walk(full, seen, limit)
    const below = Buffer.from(basename(path))
    const files = segments ? found.files.map((file) => ({ ...file, path: join(below, file.path) })) : found.files
    return { listing: { ...found, files }, root, fallbackPod: basename(root), explicit: false }
  } catch (error) {
    listing.unreadable.push({ path: printable(path), reason: reasonOf(error) })
    return { listing, root, fallbackPod: '', explicit: literal }
  }
}

async function listFile(path: string, literal: boolean, isFile: boolean): Promise<Listed> {
  const listing = emptyListing()
  const folder = dirname(path)
  const root = folder.endsWith('.segments') ? dirname(folder) : folder
  const below = Buffer.from(relative(root, path))
  const role = roleOf(below, literal)
  const fallbackPod = role === 'archive' ? archiveName(path) : basename(root)
  const listed = { listing, root, fallbackPod, explicit: literal }
  if (role === 'other' || role === 'ignored') return listed
  if (!isFile) {
    const message = 'neither file nor folder: skipped'
    listing.warnings.push({ class: 'not_a_file', message, path: displayPath(below) })
    return listed
  }
  if (existsSync(`${path}.offset`))
    try {
      const sidecar = await foundFile(Buffer.from(`${path}.offset`), Buffer.concat([below, Buffer.from('.offset')]))
      listing.files.push(sidecar)
    } catch (error) {
      listing.unreadable.push({ path: `${displayPath(below)}.offset`, reason: reasonOf(error) })
    }
  listing.files.push(await foundFile(Buffer.from(path), below))
  if (literal && existsSync(`${path}.segments`))
    listing.warnings.push({
      class: 'segments_beside',
      message: 'the segments beside this file are not read: name their folder, too',
      path: displayPath(below),
    })
  return listed
}

function alreadyRead(path: string): Warning {
  return { class: 'already_read', message: 'given twice: read once', path: printable(basename(path)) }
}

/** Replaces the archives of a listing by what they hold. */
async function openArchives({ listing, root, fallbackPod, explicit }: Listed, limit: Limit) {
  const files: SourceFile[] = []
  const unreadable: { path: string; reason: string }[] = []
  const warnings: Warning[] = []
  for (const file of listing.files) {
    if (roleOf(file.path, true) !== 'archive') {
      files.push({ ...file, root, fallbackPod, explicit })
      continue
    }
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
  return { files, unreadable, warnings }
}

function nothingThere(source: string): LedgerError {
  return new LedgerError('source_not_found', `no WAL files in ${printable(source)}`, {
    place: printable(resolve(source)),
    hint: 'looked for <name>.segments/*.jsonl, *.wal, *.jsonl, with .gz or .corrupt behind them, and .tar, .tar.gz, .tgz',
  })
}
