import type { WalFile } from '../domain/wal.js'

/** A file in its pod, as far as draining goes. */
export interface Draining extends Pick<WalFile, 'kind' | 'bytes' | 'checkpoint'> {
  /** Names the pod's folder: files of one drain stand in one queue. */
  readonly drain: string
  /** Path in the source, for the order of files of one kind. */
  readonly order: Buffer
}

/**
 * The numbers of the batches that may have been committed without their checkpoint, by file.
 *
 * obleth drains the files of a pod one after another, the legacy one first, then segments by name, and writes a checkpoint
 * after each batch. One batch may have been committed without it: the first one behind the checkpoint of the first file
 * that is not wholly acknowledged. A checkpoint within a later file, which a copy taken at the wrong moment can show, makes
 * its next batch a candidate, too. Behind a checkpoint that cannot be used nothing was drained: obleth stops there, or
 * moves the file aside.
 */
export function candidateBatches<File extends Draining>(files: readonly File[]): Map<File, number> {
  const drains = new Map<string, File[]>()
  for (const file of files) {
    if (file.kind === 'corrupt') continue
    const drain = drains.get(file.drain)
    if (drain === undefined) drains.set(file.drain, [file])
    else drain.push(file)
  }
  const numbers = new Map<File, number>()
  for (const drain of drains.values()) {
    let front = true
    for (const file of drain.sort(byDraining)) {
      const { checkpoint, bytes } = file
      const done = bytes === 0 || (checkpoint.state === 'at' && checkpoint.offset === bytes)
      if (done) continue
      if (checkpoint.state === 'at' || (front && checkpoint.state === 'none')) numbers.set(file, numbers.size + 1)
      front = false
    }
  }
  return numbers
}

function byDraining(a: Draining, b: Draining): number {
  return Number(a.kind === 'segment') - Number(b.kind === 'segment') || Buffer.compare(a.order, b.order)
}
