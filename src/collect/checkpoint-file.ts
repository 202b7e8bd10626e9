import type { BundledFile } from '../domain/collect.js'
import type { Checkpoint } from '../domain/wal.js'
import type { BundleStore } from './store.js'

/** What stands in the checkpoint's file; null where there is none. One that could not be used stays one that cannot. */
export function checkpointText(checkpoint: Checkpoint): string | null {
  if (checkpoint.state === 'none') return null
  return checkpoint.state === 'at' ? String(checkpoint.offset) : 'unusable'
}

/** Writes the checkpoint beside a file that is in its place already, so that it never claims more than was copied. */
export async function writeCheckpoint(store: BundleStore, { path, checkpoint }: BundledFile): Promise<void> {
  const text = checkpointText(checkpoint)
  if (text !== null) await store.write(`${path}.offset`, text)
}

/** Of two checkpoints of the same bytes the one that says more: what was acknowledged once stays so. */
export function later(a: Checkpoint, b: Checkpoint): Checkpoint {
  if (a.state !== 'at') return b.state === 'none' ? a : b
  return b.state === 'at' && b.offset > a.offset ? b : a
}
