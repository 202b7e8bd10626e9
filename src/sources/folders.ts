import { type Beside, checkpointNames } from './layout.js'
import { join, lastComponent, parent } from './names.js'

/** A path as a key of maps: a byte per character. */
export const keyOf = (path: Buffer): string => path.toString('latin1')

/** The folders of a listing that names files only by their whole paths, such as that of an archive or a bucket. */
export class Folders {
  private readonly names = new Map<string, Set<string>>()

  /** Notes a file or folder, and the folders that hold it, among the names of their folders. */
  add(path: Buffer, isFolder: boolean): void {
    let name = `${keyOf(lastComponent(path))}${isFolder ? '/' : ''}`
    if (isFolder && !this.names.has(keyOf(path))) this.names.set(keyOf(path), new Set())
    for (let at = path; at.length > 0; ) {
      at = parent(at)
      const beside = this.names.get(keyOf(at))
      if (beside === undefined) this.names.set(keyOf(at), new Set([name]))
      else beside.add(name)
      // A folder that was known is known to those above it.
      if (beside !== undefined) return
      name = `${keyOf(lastComponent(at))}/`
    }
  }

  /** Names in the folder of this file. */
  beside(path: Buffer): Beside | undefined {
    return this.names.get(keyOf(parent(path)))
  }

  /** Whether there is a folder of segments, even an empty one. */
  hasSegments(): boolean {
    return [...this.names.keys()].some((folder) => folder.endsWith('.segments'))
  }
}

/** What is known of the checkpoint of a file, from what is known of all checkpoints by `keyOf` their paths. */
export function besideFile<T>(path: Buffer, checkpoints: ReadonlyMap<string, T>): T | undefined {
  for (const name of checkpointNames(keyOf(lastComponent(path)))) {
    const found = checkpoints.get(keyOf(join(parent(path), Buffer.from(name, 'latin1'))))
    if (found !== undefined) return found
  }
  return undefined
}
