/** What `LIST` says of a path. */
export interface Said {
  /**
   * `folder` and `wal`: the path that was asked for, first of all. `mark`: a checkpoint's bytes. `gone`, `denied`, `absent`,
   * `other` (neither file nor folder) and `link` (to a folder): nothing to read.
   */
  readonly word: string
  /** Device and inode. */
  readonly id: string
  readonly bytes: number
  /** Unix ms. */
  readonly modifiedMs: number
  /** Beginning of a checkpoint. */
  readonly content: Buffer
  readonly path: Buffer
}

/** Everything that `LIST` says, in its order. */
export function saidIn(output: Buffer): Said[] {
  const all: Said[] = []
  for (const [what, path] of pairsIn(output)) {
    const [word, ...more] = what.trim().split(/\s+/)
    const [id = '', size = '', seconds = ''] = more
    const content = Buffer.from(word === 'mark' ? more.join('') : '', 'hex')
    all.push({ word, id, bytes: Number(size), modifiedMs: Number(seconds) * 1000, content, path })
  }
  return all
}

function* pairsIn(output: Buffer): Iterable<[string, Buffer]> {
  for (let at = 0; ; ) {
    const middle = output.indexOf(0, at)
    const end = output.indexOf(0, middle + 1)
    if (middle < 0 || end < 0) return
    // Memory of its own: the whole output would be kept for the sake of a few paths.
    yield [output.toString('latin1', at, middle), Buffer.from(output.subarray(middle + 1, end))]
    at = end + 1
  }
}
