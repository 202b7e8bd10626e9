import { LedgerError } from '../domain/errors.js'
import type { Emit } from '../domain/events.js'
import { serverCode, TOO_MANY_PARTS } from './adapt-error.js'
import type { Ledger } from './ledger.js'
import { pause } from './pause.js'
import { settled } from './settled.js'

/** Whom to tell that the target is waited for, and what ends the waiting. The context of a run is one. */
export interface Patience {
  readonly emit: Emit
  readonly signal: AbortSignal
  /** Before the second attempt; each further wait is twice as long. 500 ms where not given. */
  readonly firstWaitMs?: number
}

/** What an attempt is told of those before it. */
export interface Attempt {
  /** How the one before ended; undefined for the first. */
  readonly failure: LedgerError | undefined
  /** To be called when something is done for good: the attempts are counted from there. */
  progressed(): void
}

const ATTEMPTS = 8
const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 15_000
/** Merges take their time; inserting on as before would only prolong it. */
const SLOWER_FOR_PARTS = 4
/** A server that asks for more than this is not waited for so long. */
const LONGEST_RETRY_AFTER_MS = 120_000

/**
 * Does what can be done again after any failure, since it looks at what stands on the target before it acts: a publish,
 * an undo, a repair, the making of tables, an insert that is looked after. Where the target cannot be reached or has too
 * much to do, says so, waits (longer each time, with jitter, never shorter than the server asks for) until no statement
 * of ours runs there any more, and calls `act` again. Eight attempts without progress are enough: then throws what the
 * last one threw. Throws `interrupted` where the signal aborts the waiting.
 *
 * What waiting cannot rule out is a statement that something on the way (a proxy, the server's own queue) holds back until
 * after its repetition. It comes to nothing or is found: moves and removals act on what they find then; blocks and
 * differences have tokens; of two notes of one step the first holds; a plan is only forgotten while it is not valid; and
 * `usage` is looked at behind each move. A DROP of the lock or of staging that comes so late ends the run, as if
 * somebody else had dropped them.
 */
export async function patiently<T>(
  ledger: Ledger,
  { emit, signal, firstWaitMs = FIRST_WAIT_MS }: Patience,
  act: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  let failures = 0
  let failure: LedgerError | undefined
  const progressed = () => {
    failures = 0
  }
  for (;;) {
    try {
      if (failure !== undefined) await settled(ledger, signal)
      return await act({ failure, progressed })
    } catch (error) {
      if (!(error instanceof LedgerError) || !error.retryable || ++failures === ATTEMPTS) throw error
      failure = error
      const ms = waitMs(error, failures, firstWaitMs)
      if (!signal.aborted)
        emit({
          type: 'notice',
          message: `${error.message}: trying again in ${(ms / 1000).toFixed(1)} s, attempt ${failures + 1} of ${ATTEMPTS}`,
        })
      await pause(ms, signal)
    }
  }
}

function waitMs(error: LedgerError, failures: number, firstWaitMs: number): number {
  const backoff = Math.min(firstWaitMs * 2 ** (failures - 1), LONGEST_WAIT_MS)
  const slower = serverCode(error) === TOO_MANY_PARTS ? SLOWER_FOR_PARTS : 1
  const jitter = 0.75 + Math.random() / 2
  return Math.max(backoff * slower * jitter, Math.min(error.retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS))
}
