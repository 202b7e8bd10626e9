import { setMaxListeners } from 'node:events'
import { endProcess } from './end-process.js'
import { EXIT } from './exit-codes.js'

/** Interruption of a run by SIGINT or SIGTERM. */
export interface Interruption {
  readonly signal: AbortSignal
  /** The first signal that came, or null. */
  received(): NodeJS.Signals | null
  /** Leaves signals to the process's default again. */
  stop(): void
}

/**
 * The first SIGINT or SIGTERM aborts, so that the run can come to a clean stop, and is told to `onFirst`; a second one
 * ends the process at once.
 */
export function watchSignals(onFirst: (signal: NodeJS.Signals) => void): Interruption {
  const controller = new AbortController()
  // Everything under way waits for it: requests by the dozen are no leak, and Node would warn the user of one.
  setMaxListeners(0, controller.signal)
  let first: NodeJS.Signals | null = null
  const handle = (signal: NodeJS.Signals) => {
    if (first !== null) return void endProcess(exitCodeOfSignal(signal))
    first = signal
    onFirst(signal)
    controller.abort()
  }
  process.on('SIGINT', handle)
  process.on('SIGTERM', handle)
  return {
    signal: controller.signal,
    received: () => first,
    stop() {
      process.off('SIGINT', handle)
      process.off('SIGTERM', handle)
    },
  }
}

function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return signal === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted
}
