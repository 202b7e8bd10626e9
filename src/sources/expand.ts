import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import fastGlob from 'fast-glob'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { reasonOf } from './read-failure.js'

/** What a source argument names on this machine. */
export interface Expanded {
  /** Absolute. */
  readonly paths: readonly string[]
  /** True where the user wrote this very path, false where a pattern matches it. */
  readonly literal: boolean
  /** Folders that the pattern could not look into. */
  readonly unreadable: { path: string; reason: string }[]
}

/**
 * The path itself where it exists, whatever characters are in it; otherwise what it matches as a pattern. Throws
 * `source_not_found` where that is nothing.
 */
export async function expand(source: string): Promise<Expanded> {
  // obleth's own name of a WAL, `P`, leads to its segments where nothing else is left of it.
  for (const path of [source, `${source}.segments`])
    if (source !== '' && (await exists(path))) return { paths: [resolve(path)], literal: true, unreadable: [] }
  const { matches, unreadable } = source === '' ? { matches: [], unreadable: [] } : await glob(source)
  if (matches.length === 0 && unreadable.length === 0)
    throw new LedgerError('source_not_found', `nothing is there, and nothing matches: ${printable(source)}`, {
      place: printable(resolve(source)),
      hint: 'give the folder that holds the pods, a WAL file, an archive, or a quoted pattern',
    })
  return { paths: matches.sort(), literal: false, unreadable }
}

/** False only where it is certain that nothing is there: what may not be looked at is somebody's file. */
async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    return !['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes((error as NodeJS.ErrnoException).code ?? '')
  }
}

async function glob(pattern: string): Promise<{ matches: string[]; unreadable: Expanded['unreadable'] }> {
  const options = { onlyFiles: false, absolute: true, dot: true, followSymbolicLinks: false }
  try {
    return { matches: await fastGlob(pattern, options), unreadable: [] }
  } catch (error) {
    const path = printable((error as NodeJS.ErrnoException).path ?? pattern)
    const matches = await fastGlob(pattern, { ...options, suppressErrors: true })
    return { matches, unreadable: [{ path, reason: reasonOf(error) }] }
  }
}
