import { type ErrorCode, LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { tlsAdvice } from './tls-advice.js'

export const MEMORY_LIMIT_EXCEEDED = 241
export const TOO_MANY_PARTS = 252

/** ClickHouse's error numbers (src/Common/ErrorCodes.cpp) that mean more than "failed". */
const CODES: Record<number, { code: ErrorCode; retryable?: boolean; hint?: string }> = {
  164: {
    code: 'access_denied',
    hint: 'the user is read-only: give it a profile with readonly = 0, or 2 where it shall only read',
  },
  192: { code: 'access_denied' },
  193: { code: 'access_denied' },
  194: { code: 'access_denied' },
  497: { code: 'access_denied' },
  516: { code: 'access_denied' },
  159: {
    code: 'target_failed',
    retryable: true,
    hint: 'raise max_execution_time of this user, or wait until the target has less to do, then run the same command again',
  },
  202: { code: 'target_unreachable', retryable: true },
  209: { code: 'target_unreachable', retryable: true },
  210: { code: 'target_unreachable', retryable: true },
  225: { code: 'target_unreachable', retryable: true },
  236: { code: 'target_unreachable', retryable: true },
  [MEMORY_LIMIT_EXCEEDED]: {
    code: 'target_failed',
    retryable: true,
    hint: 'give the server, or this user (max_memory_usage), more memory, or wait until others need less, then run the same command again',
  },
  242: { code: 'target_unreachable', retryable: true },
  243: { code: 'disk_full', hint: "free space on the target's disk, then run the same command again" },
  [TOO_MANY_PARTS]: {
    code: 'target_failed',
    retryable: true,
    hint: 'wait until the merges of this table have caught up, then run the same command again',
  },
  279: { code: 'target_unreachable', retryable: true },
  999: { code: 'target_unreachable', retryable: true },
}

export const ACCESS_HINT =
  'check OBLETH_CLICKHOUSE_USER and the password (OBLETH_CLICKHOUSE_PASSWORD or --clickhouse-password-file)'
export const REACH_HINT = 'check that the server runs and that the URL is right, then run the same command again'

/** What the client makes of an exception of the engine. Two classes, since chDB has the client's common part of its own. */
interface EngineError extends Error {
  readonly code: string
  readonly type: string | undefined
}

function isEngineError(error: unknown): error is EngineError {
  return error instanceof Error && /^\d+$/.test(String((error as { code?: unknown }).code))
}

/** ClickHouse's own error number behind a LedgerError, undefined where there is none. */
export function serverCode(error: unknown): number | undefined {
  const cause = error instanceof LedgerError ? error.cause : error
  return isEngineError(cause) ? Number(cause.code) : undefined
}

/**
 * The LedgerError for whatever the client, the engine or the network threw: `access_denied`, `target_unreachable`
 * (retryable), `disk_full` or `target_failed`. `place` is the directory, or the URL without credentials.
 */
export function adaptError(error: unknown, place: string): LedgerError {
  if (error instanceof LedgerError) {
    const { code, message, hint, retryable, retryAfterMs, cause } = error
    if (error.place !== undefined) return error
    return new LedgerError(code, message, {
      place,
      ...(hint === undefined ? {} : { hint }),
      retryable,
      retryAfterMs,
      cause,
    })
  }
  if (isEngineError(error)) return fromServer(error, place)
  const { code, message } =
    error instanceof Error ? (error as NodeJS.ErrnoException) : { code: undefined, message: String(error) }
  if (code === 'ENOSPC')
    return new LedgerError('disk_full', `no space left while talking to the ledger: ${oneLine(message)}`, {
      place,
      cause: error,
    })
  if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR')
    return new LedgerError('internal', `cannot read a block file: ${oneLine(message)}`, { place, cause: error })
  if (code?.startsWith('CHDB_'))
    return new LedgerError('target_failed', `the embedded engine failed: ${oneLine(message)}`, { place, cause: error })
  if (message === 'Timeout error.')
    return new LedgerError('target_unreachable', 'the ledger did not answer in time', {
      place,
      hint: REACH_HINT,
      retryable: true,
      cause: error,
    })
  return new LedgerError(
    'target_unreachable',
    `the ledger cannot be reached: ${oneLine(code && !message.includes(code) ? `${message} (${code})` : message)}`,
    { place, hint: REACH_HINT, retryable: true, ...tlsAdvice(code), cause: error },
  )
}

/** What to do about a missing right, by what the answer says: `SELECT ON obleth.usage`, without the columns. */
function grantHint(message: string): string {
  const found = /\bgrant ([A-Z][A-Z, ]* ON [^\s.]+\.[^\s.]+)/.exec(message.replace(/\([^()]*\)/g, ''))
  const grant = found === null ? 'what the message names' : oneLine(found[1])
  return `GRANT ${grant} TO this user; docs/rights.md lists what each command needs`
}

function fromServer(error: EngineError, place: string): LedgerError {
  const known = CODES[Number(error.code)]
  const text = oneLine(error.message)
  const type = error.type ?? 'UNKNOWN'
  if (known === undefined && /No space left on device|errno: 28\b/.test(error.message))
    return new LedgerError('disk_full', `the target's disk is full: ${text} (code ${error.code} ${type})`, {
      place,
      cause: error,
    })
  const code = known?.code ?? 'target_failed'
  const hint =
    error.code === '497'
      ? grantHint(error.message)
      : (known?.hint ??
        (code === 'access_denied' ? ACCESS_HINT : code === 'target_unreachable' ? REACH_HINT : undefined))
  return new LedgerError(code, `${text} (code ${error.code} ${type})`, {
    place,
    ...(hint === undefined ? {} : { hint }),
    retryable: known?.retryable ?? false,
    cause: error,
  })
}

/** First 600 characters on one line, without the version that servers append. */
function oneLine(text: string): string {
  const line = printable(
    text
      .replace(/\s*\(version [^)]*\)\)?/g, '')
      .replace(/\s+/g, ' ')
      .trim(),
  )
  return line.length > 600 ? `${line.slice(0, 600)}…` : line
}
