import type { BundledFile } from '../domain/collect.js'
import type { Kept } from './store.js'

/** The files of a bundle that is taken up again. */
export interface Standing {
  readonly files: readonly BundledFile[]
  /** Of these, those that only the journal knows: their checkpoints may not have been written. */
  readonly journaled: readonly BundledFile[]
}

/**
 * What stands in a bundle, from its manifest and from the journal that a collect left which did not come to its end. An entry
 * of the journal counts where the file is there with its length: a content at one path is only ever replaced by a longer one,
 * so the length tells whether the file was put there or not.
 */
export function standing(
  manifest: readonly BundledFile[],
  journal: readonly BundledFile[],
  kept: ReadonlyMap<string, Kept>,
): Standing {
  const files = new Map(manifest.map((entry) => [entry.path, entry]))
  const journaled = new Map<string, BundledFile>()
  for (const entry of journal) {
    const isThere = entry.state === 'vanished' ? !files.has(entry.path) : kept.get(entry.path)?.bytes === entry.bytes
    if (!isThere) continue
    files.set(entry.path, entry)
    journaled.set(entry.path, entry)
  }
  return { files: [...files.values()], journaled: [...journaled.values()] }
}
