import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BundledFile } from '../domain/collect.js'
import type { Checkpoint } from '../domain/wal.js'

/** What stands in the checkpoint's file; null where there is none. One that could not be used stays one that cannot. */
export function checkpointText(checkpoint: Checkpoint): string | null {
  if (checkpoint.state === 'none') return null
  return checkpoint.state === 'at' ? String(checkpoint.offset) : 'unusable'
}

/** Writes the checkpoint beside a file that is in its place already, so that it never claims more than was copied. */
export function writeCheckpoint(bundle: string, { path, checkpoint }: BundledFile): void {
  const file = join(bundle, `${path}.offset`)
  const text = checkpointText(checkpoint)
  if (text === null) rmSync(file, { force: true })
  else writeFileSync(file, text, { mode: 0o600 })
}

/** Of two checkpoints of the same bytes the one that says more: what was acknowledged once stays so. */
export function later(a: Checkpoint, b: Checkpoint): Checkpoint {
  if (a.state !== 'at') return b.state === 'none' ? a : b
  return b.state === 'at' && b.offset > a.offset ? b : a
}
