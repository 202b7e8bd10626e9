import { z } from 'zod'
import { LedgerError } from '../../../domain/errors.js'
import { pause } from '../../../ledger/pause.js'
import { failureOf, strangeAnswer } from './failure.js'
import type { RestCalls } from './rest-calls.js'

const FIRST_LOOK_MS = 50
const LONGEST_BETWEEN_LOOKS_MS = 2_000
/** A server that is restarted is waited for so long. */
const AWAY_MS = 30_000
/** What is told to end is told so within this. */
const CANCEL_WITHIN_MS = 10_000

const row = z.object({ command: z.string(), status: z.string(), error: z.string().default('') })

/**
 * Waits for the end of an operation that was acknowledged. Ends it where it takes too long, or the signal aborts, so that it
 * does not keep the server from all others. A server that is away for a moment is asked again; one that was restarted knows
 * nothing of its operations.
 *
 * @param deadline as `performance.now()` tells time, ms
 */
export async function awaitOperation(
  calls: RestCalls,
  step: string,
  id: string,
  deadline: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    let awaySince: number | null = null
    for (let waitMs = FIRST_LOOK_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_BETWEEN_LOOKS_MS)) {
      const now = performance.now()
      const found = await lookAt(calls, step, id, signal).catch((error: unknown) => {
        awaySince ??= now
        if (!isAway(error) || now - awaySince > AWAY_MS) throw error
        return 'away' as const
      })
      if (found !== 'away') {
        awaySince = null
        if (found.status === 'success') return
        if (found.status !== 'in progress')
          throw failureOf(step, calls.masked(`${found.status}: ${found.error}`), calls.place)
      }
      if (now > deadline) throw tooLong(step, calls.place)
      await pause(waitMs, signal)
    }
  } catch (error) {
    if (signal.aborted || performance.now() > deadline) await cancel(calls, step, id)
    throw error
  }
}

const isAway = (error: unknown): boolean =>
  error instanceof LedgerError && error.code === 'target_unreachable' && error.retryable

async function lookAt(calls: RestCalls, step: string, id: string, signal: AbortSignal): Promise<z.infer<typeof row>> {
  const rows = await calls.get(step, 'status', { operationid: id }, signal)
  if (rows.length === 0)
    throw new LedgerError('target_failed', `clickhouse-backup no longer knows of its ${step}: it was restarted`, {
      place: calls.place,
      hint: 'run the same command again',
    })
  const read = row.safeParse(rows[0])
  if (!read.success) throw strangeAnswer(step, 'it is not the state of an operation', calls.place)
  return read.data
}

/** By its own command: others may have begun theirs. */
async function cancel(calls: RestCalls, step: string, id: string): Promise<void> {
  const signal = AbortSignal.timeout(CANCEL_WITHIN_MS)
  const found = await lookAt(calls, step, id, signal).catch(() => null)
  if (found?.status !== 'in progress') return
  await calls.post('kill', 'kill', { command: found.command }, performance.now(), signal).catch(() => {})
}

function tooLong(step: string, place: string): LedgerError {
  return new LedgerError('target_unreachable', `clickhouse-backup has not ended its ${step} in time, and was told to`, {
    place,
    hint: 'see what keeps it, or raise --clickhouse-backup-timeout, then run the same command again',
    retryable: true,
  })
}
