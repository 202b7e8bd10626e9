import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { writeError } from '../domain/write-error.js'
import type { TreeOptions } from './generator/index.js'

/** The lines live too long for the default young generation; a larger one halves the time. */
const YOUNG_GENERATION_MB = 64

/**
 * Writes a tree of WAL files into a folder: a day of traffic on four pods, a tenth of it copies. Works in a thread of its
 * own, so that it can be stopped. Throws `disk_full`, or the signal's reason.
 */
export async function generate(
  root: string,
  options: Pick<TreeOptions, 'records' | 'seed'>,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  const worker = new Worker(new URL('./generate-worker.js', import.meta.url), {
    workerData: { root, options },
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  })
  try {
    await once(worker, 'exit', { signal })
  } catch (cause) {
    signal.throwIfAborted()
    throw writeError(
      'the generated files',
      root,
      cause,
      'free some space, name another --state-dir, or fewer --records',
    )
  } finally {
    await worker.terminate()
  }
}
