import pRetry from 'p-retry'
import { LedgerError } from '../domain/errors.js'
import type { PodShell } from '../domain/wal.js'
import { patience } from './patience.js'
import { failureOf, PodFailure } from './pod-errors.js'
import { type Ended, runToEnd, Silence } from './program.js'

/** Few: what cannot be reached is mostly a matter of its name. */
const RETRIES = 3
/** A cluster's pods, or a hundred thousand files. */
const MOST_BYTES = 256 << 20

/**
 * What a program writes, asked again while that may help. Throws PodFailure, or LedgerErrors where it is not one pod alone.
 * @param whole whether the answer is all there; where it is not, what the program said tells why
 */
export async function answerOf(
  { command, place, timeoutMs }: PodShell,
  whole: (output: Buffer, code: Ended['code']) => boolean,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  return pRetry(
    async () => {
      const { output, ...ended } = await runToEnd(command, timeoutMs, MOST_BYTES, signal).catch((error: unknown) => {
        throw error instanceof Silence ? new PodFailure('silent', error.message, true) : error
      })
      if (!whole(output, ended.code)) throw failureOf(ended, place, command[0])
      return output
    },
    {
      ...patience(RETRIES, timeoutMs),
      ...(signal === undefined ? {} : { signal }),
      shouldRetry: ({ error }) => (error instanceof PodFailure || error instanceof LedgerError) && error.retryable,
    },
  )
}
