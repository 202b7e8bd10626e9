import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { LedgerError } from '../../domain/errors.js'
import { adaptError, serverCode } from '../../ledger/adapt-error.js'
import { exceptionIn } from '../../ledger/answer.js'
import { literal } from '../../ledger/identifiers.js'
import type { Ledger } from '../../ledger/ledger.js'
import { pause } from '../../ledger/pause.js'

const FIRST_LOOK_MS = 25
const LONGEST_BETWEEN_LOOKS_MS = 2_000
/** A statement that was told to end has this long. */
const END_WITHIN_MS = 60_000

/** States of a backup or restore in system.backups that are not its last one. */
const UNDER_WAY = ['CREATING_BACKUP', 'RESTORING']
const DONE = ['BACKUP_CREATED', 'RESTORED']

interface Progress {
  readonly status: string
  readonly error: string
}

/**
 * Runs a BACKUP or RESTORE to its end. In the background of the engine, whatever it takes, and under a name: so no timeout
 * of HTTP ends it, and an answer that is lost is looked up. Ends it where the signal aborts.
 *
 * @param about database of ours that it reads or fills: by its name {@link endStatements} finds it
 * @param statement without SETTINGS; `settings`: those of the statement itself
 * @throws LedgerError `config` where the engine may not write there, and what a server's answers give cause for
 */
export async function carryOut(
  ledger: Ledger,
  about: string,
  statement: string,
  signal: AbortSignal,
  settings: readonly string[] = [],
): Promise<void> {
  const id = `${idsAbout(about)}${randomUUID()}`
  signal.throwIfAborted()
  try {
    await ledger.command(`${statement} SETTINGS ${[`id = ${literal(id)}`, ...settings].join(', ')} ASYNC`)
  } catch (error) {
    const lost = error instanceof LedgerError && error.retryable && (await progressOf(ledger, id)) !== null
    if (!lost) throw explained(error, ledger)
  }
  try {
    await ended(ledger, id, signal)
  } catch (error) {
    if (signal.aborted) await endStatements(ledger, about).catch(() => {})
    throw error
  }
}

async function ended(ledger: Ledger, id: string, signal: AbortSignal): Promise<void> {
  for (let waitMs = FIRST_LOOK_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_BETWEEN_LOOKS_MS)) {
    const progress = await progressOf(ledger, id)
    if (progress === null)
      throw new LedgerError(
        'target_unreachable',
        'the server no longer knows of the backup or restore: it was restarted',
        {
          place: ledger.location,
          hint: 'run the same command again',
          retryable: true,
        },
      )
    if (DONE.includes(progress.status)) return
    if (!UNDER_WAY.includes(progress.status)) throw explained(failure(progress, ledger), ledger)
    await pause(waitMs, signal)
  }
}

async function progressOf(ledger: Ledger, id: string): Promise<Progress | null> {
  const [progress] = await ledger.rows<Progress>(
    `SELECT toString(status) AS status, error FROM system.backups WHERE id = ${literal(id)}`,
  )
  return progress ?? null
}

const idsAbout = (about: string) => `obleth-ledger-${about}-`

/**
 * Tells the engine to leave what it still does about a database of ours, and waits until it has: before that is dropped. A
 * command that was killed leaves its statement running.
 *
 * @throws LedgerError `target_locked` where that does not end
 */
export async function endStatements(ledger: Ledger, about: string): Promise<void> {
  const mine = literal(idsAbout(about))
  const running = async () => {
    const rows = await ledger.rows<{ id: string }>(
      `SELECT id FROM system.backups
       WHERE startsWith(id, ${mine}) AND toString(status) IN (${UNDER_WAY.map(literal).join(', ')})`,
    )
    return rows.length > 0
  }
  if (!(await running())) return
  await ledger.command(`KILL QUERY WHERE position(query, ${mine}) > 0 AND match(query, '^(BACKUP|RESTORE)') ASYNC`)
  const until = Date.now() + END_WITHIN_MS
  for (; await running(); await sleep(FIRST_LOOK_MS * 4))
    if (Date.now() > until)
      throw new LedgerError('target_locked', `the server still works on a backup or restore of ${about}`, {
        place: ledger.location,
        hint: 'wait until system.backups shows its end, then run the same command again',
      })
}

function failure({ status, error }: Progress, ledger: Ledger): LedgerError {
  // The engine puts its stack behind the message.
  const text = error.split(', Stack trace', 1)[0]
  const exception = exceptionIn(text)
  if (exception !== undefined) return adaptError(exception, ledger.location)
  return new LedgerError('target_failed', `the engine ended it as ${status}`, { place: ledger.location })
}

const NOT_CONFIGURED = 318
const NOT_ALLOWED = 36
const S3_ERROR = 499
const NO_COLLECTION = 669

/** What the store says, in the words of the engine. */
const DENIED = /access ?denied|invalid_?access_?key|signature_?does_?not_?match|access key|forbidden|\b403\b/i

/** What to do where the engine may not put a backup where it was told to. */
function explained(error: unknown, ledger: Ledger): unknown {
  const code = serverCode(error)
  if (!(error instanceof LedgerError)) return error
  if (code === NO_COLLECTION || (code === S3_ERROR && DENIED.test(error.message)))
    return new LedgerError(code === S3_ERROR ? 'access_denied' : 'config', error.message, {
      place: ledger.location,
      hint: "see the URL and the credentials of the server's named collection (--clickhouse-s3-collection), and docs/clickhouse-backups.md",
      cause: error.cause,
    })
  if (code !== NOT_CONFIGURED && code !== NOT_ALLOWED) return error
  return new LedgerError('config', error.message, {
    place: ledger.location,
    hint: "allow it in the server's configuration, <backups><allowed_path> or <backups><allowed_disk>, and see docs/clickhouse-backups.md; a managed service makes backups itself",
    cause: error.cause,
  })
}
