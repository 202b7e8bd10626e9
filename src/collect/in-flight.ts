import { setMaxListeners } from 'node:events'
import pLimit from 'p-limit'

/**
 * Runs tasks in their order, so many at once. Where one fails no other is begun; what is under way is waited for, and the
 * first error is thrown.
 */
export async function inFlight(
  tasks: readonly ((signal: AbortSignal) => Promise<void>)[],
  concurrency: number,
  signal: AbortSignal,
): Promise<void> {
  const stop = new AbortController()
  const either = AbortSignal.any([signal, stop.signal])
  // As the one that it is made from: all tasks wait for it.
  setMaxListeners(0, either)
  const limit = pLimit(concurrency)
  const errors: unknown[] = []
  const run = async (task: (signal: AbortSignal) => Promise<void>) => {
    if (either.aborted) return
    try {
      await task(either)
    } catch (error) {
      errors.push(error)
      stop.abort()
    }
  }
  await Promise.all(tasks.map((task) => limit(run, task)))
  if (errors.length > 0) throw errors[0]
  signal.throwIfAborted()
}
