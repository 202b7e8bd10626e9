import { type Beside, checkpointNames } from './layout.js'

/** A path as a key of maps: a byte per character. */
export const keyOf = (path: Buffer): string => path.toString('latin1')

const SEGMENTS = '.segments/'
const CHECKPOINT = /\.offset(\.gz|\.zst)?$/

/**
 * What the other names in a folder tell of a file, in a listing that names files only by their whole paths, such as that of
 * an archive or a bucket. No other names are kept: paths come from outside, and may be long and deep.
 */
export class Folders {
  private readonly telling = new Set<string>()

  /** Notes a file or folder, and the folders of segments that hold it. */
  add(path: Buffer, isFolder: boolean): void {
    const key = isFolder ? `${keyOf(path)}/` : keyOf(path)
    for (let at = key.indexOf(SEGMENTS); at >= 0; at = key.indexOf(SEGMENTS, at + 1))
      this.telling.add(key.slice(0, at + SEGMENTS.length))
    if (CHECKPOINT.test(key)) this.telling.add(key)
  }

  /** Names in the folder of this file. */
  beside(path: Buffer): Beside {
    const folder = folderOf(path)
    return { has: (name) => this.telling.has(`${folder}${name}`) }
  }

  /** Whether there is a folder of segments, even an empty one. */
  hasSegments(): boolean {
    return [...this.telling].some((key) => key.endsWith('/'))
  }
}

/** What is known of the checkpoint of a file, from what is known of all checkpoints by `keyOf` their paths. */
export function besideFile<T>(path: Buffer, checkpoints: ReadonlyMap<string, T>): T | undefined {
  const folder = folderOf(path)
  for (const name of checkpointNames(keyOf(path).slice(folder.length))) {
    const found = checkpoints.get(`${folder}${name}`)
    if (found !== undefined) return found
  }
  return undefined
}

/** With its slash: `/a` and `a` stand in different folders of a bucket. */
const folderOf = (path: Buffer): string => keyOf(path.subarray(0, path.lastIndexOf(0x2f) + 1))
