import { type ErrorCode, LedgerError } from '../../../domain/errors.js'
import { printable } from '../../../domain/printable.js'

/** Longest message of the program that is shown, characters. */
const LONGEST = 600

interface Known {
  readonly said: RegExp
  readonly code: ErrorCode
  readonly hint: string
}

/** What clickhouse-backup, ClickHouse and the stores behind it say; it has no other sign of the cause. */
const KNOWN: readonly Known[] = [
  {
    said: /code: ?516|Authentication failed|AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|\b403\b|Forbidden/i,
    code: 'access_denied',
    hint: 'check the credentials that clickhouse-backup itself has: CLICKHOUSE_USERNAME and CLICKHOUSE_PASSWORD, and those of its remote storage',
  },
  {
    said: /code: ?497|Not enough privileges/i,
    code: 'access_denied',
    hint: 'grant the user of clickhouse-backup what the message names, then run the same command again',
  },
  {
    said: /remote_?storage .*"?none"?/i,
    code: 'config',
    hint: 'give clickhouse-backup a remote storage (REMOTE_STORAGE, or general.remote_storage in its configuration), or leave out --clickhouse-backup-remote',
  },
  {
    said: /no space left on device|not enough space|code: ?243\b/i,
    code: 'disk_full',
    hint: "free some space on the server's disk, or in the remote storage, then run the same command again",
  },
  {
    said: /is already running|another operation is currently running/i,
    code: 'target_locked',
    hint: 'wait until it has done that, or raise --clickhouse-backup-timeout, then run the same command again',
  },
  {
    said: /is not found on (local|remote) storage/i,
    code: 'source_not_found',
    hint: 'clickhouse-backup list shows what there is; obleth-ledger backups list shows other backups',
  },
  {
    said: /connection refused|no such host|i\/o timeout|no route to host|broken pipe|connection reset/i,
    code: 'target_unreachable',
    hint: 'see whether ClickHouse and the remote storage answer from that host, then run the same command again',
  },
]

const ELSE: Omit<Known, 'said'> = {
  code: 'target_failed',
  hint: 'see what clickhouse-backup logs, then run the same command again',
}

/**
 * The error for what clickhouse-backup said when it failed.
 *
 * @param step what it was to do: `create`, `upload`, …
 * @param said its words, without secrets
 */
export function failureOf(step: string, said: string, place: string): LedgerError {
  const { code, hint } = KNOWN.find((known) => known.said.test(said)) ?? ELSE
  return new LedgerError(code, `clickhouse-backup ${step} failed: ${printable(said.slice(-LONGEST))}`, { place, hint })
}

/** An answer that is none of clickhouse-backup's. */
export function strangeAnswer(step: string, what: string, place: string): LedgerError {
  return new LedgerError('target_failed', `the answer to clickhouse-backup ${step} is not understood: ${what}`, {
    place,
    hint: 'this tool knows clickhouse-backup 2.8: compare its version, and the URL where one is given',
  })
}
