import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import type { WalFile } from '../domain/wal.js'

/** Stands for the files as they are now: names, sizes, times of change, checkpoints. Contents are not read. */
export function fingerprintOf(files: readonly WalFile[]): string {
  const hash = createHash('sha256')
  for (const { pod, path, bytes, checkpoint, locator } of files) {
    const info = statSync(Buffer.from(locator.path), { throwIfNoEntry: false })
    hash.update(JSON.stringify([pod, path, bytes, checkpoint, info?.size, info?.mtimeMs]))
  }
  return hash.digest('hex')
}
