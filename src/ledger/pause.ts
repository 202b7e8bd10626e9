import { setTimeout as sleep } from 'node:timers/promises'
import { LedgerError } from '../domain/errors.js'

/** Waits so many ms. Throws `interrupted` where the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch (cause) {
    throw new LedgerError('interrupted', 'interrupted while waiting for the target', {
      hint: 'run the same command again to go on',
      cause,
    })
  }
}
