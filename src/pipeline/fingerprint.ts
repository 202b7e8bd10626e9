import { createHash } from 'node:crypto'
import type { WalFile } from '../domain/wal.js'

/** Stands for the files as they were found: names, sizes, versions, checkpoints. Contents are not read. */
export function fingerprintOf(files: readonly WalFile[]): string {
  const hash = createHash('sha256')
  for (const { pod, path, bytes, checkpoint, version } of files)
    hash.update(JSON.stringify([pod, path, bytes, checkpoint, version]))
  return hash.digest('hex')
}
