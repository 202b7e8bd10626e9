import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { LedgerError } from '../domain/errors.js'
import { literal } from './identifiers.js'
import type { Ledger, NativeInsert } from './ledger.js'

export interface ExactInsert extends Omit<NativeInsert, 'queryId'> {
  readonly rows: number
}

/** The parts of a table at one moment. */
export interface Parts {
  readonly rows: number
  readonly names: ReadonlySet<string>
}

const ATTEMPTS = 8
const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 15_000
/** Longest wait for the end of a statement whose answer was lost. */
const SETTLE_MS = 600_000

/**
 * Inserts a file into a table that nobody else writes to and that is never merged, exactly once. Whatever the insert
 * said, the table is looked at: all rows there is success, none is another attempt under a new token (ClickHouse
 * remembers a token before its part is in place), some are dropped with their parts first.
 * Throws what the last attempt threw where waiting cannot help or the attempts are used up.
 * `last`: what the call before this one returned for the same table, which saves a look.
 */
export async function insertExactly(
  ledger: Ledger,
  insert: ExactInsert,
  signal?: AbortSignal,
  last?: Parts,
): Promise<Parts> {
  const before = last ?? (await parts(ledger, insert.table))
  for (let attempt = 0; ; attempt++) {
    const queryId = randomUUID()
    const error = await attemptInsert(ledger, { ...insert, token: `${insert.token}-${attempt}`, queryId })
    if (error !== undefined) await settled(ledger, queryId, signal)
    const after = await parts(ledger, insert.table)
    const arrived = after.rows - before.rows
    if (arrived === insert.rows) return after
    if (arrived !== 0) await dropNew(ledger, insert.table, before, after)
    if (error !== undefined && !error.retryable) throw error
    if (attempt + 1 === ATTEMPTS) throw givenUp(ledger, insert, arrived, error)
    // A success that left nothing behind was a token seen before: the next one is new, there is nothing to wait for.
    if (error !== undefined) await pause(attempt, signal)
  }
}

async function attemptInsert(ledger: Ledger, insert: NativeInsert): Promise<LedgerError | undefined> {
  try {
    await ledger.insertNative(insert)
    return undefined
  } catch (error) {
    if (error instanceof LedgerError) return error
    throw error
  }
}

/**
 * Waits until a server no longer works on a statement whose id begins so. An embedded engine has ended it when it answers.
 * Throws `target_unreachable` where it does not end.
 */
export async function settled(ledger: Ledger, queryId: string, signal?: AbortSignal): Promise<void> {
  if (ledger.kind === 'embedded') return
  const end = Date.now() + SETTLE_MS
  for (let round = 0; ; round++) {
    const running = await ledger.rows(
      `SELECT query_id FROM system.processes WHERE startsWith(query_id, ${literal(queryId)})`,
    )
    if (running.length === 0) return
    if (Date.now() > end)
      throw new LedgerError('target_unreachable', 'a statement whose answer was lost does not end', {
        place: `${ledger.location}, query_id ${(running[0] as { query_id: string }).query_id}`,
        hint: 'end it with KILL QUERY, then run the same command again',
        retryable: true,
      })
    await pause(round, signal)
  }
}

async function parts(ledger: Ledger, table: string): Promise<Parts> {
  const rows = await ledger.rows<{ name: string; rows: string }>(
    `SELECT name, toString(rows) AS rows FROM system.parts
     WHERE active AND database = ${literal(ledger.database)} AND table = ${literal(table)}`,
  )
  return { rows: rows.reduce((sum, part) => sum + Number(part.rows), 0), names: new Set(rows.map(({ name }) => name)) }
}

async function dropNew(ledger: Ledger, table: string, before: Parts, after: Parts): Promise<void> {
  for (const name of after.names)
    if (!before.names.has(name)) await ledger.command(`ALTER TABLE ${ledger.table(table)} DROP PART ${literal(name)}`)
  const now = await parts(ledger, table)
  if (now.rows !== before.rows)
    throw new LedgerError('verification_failed', `${table} holds ${now.rows} rows where ${before.rows} were expected`, {
      place: ledger.location,
      hint: 'somebody else writes to the staging table, or it was merged; run the same command again to stage anew',
    })
}

function givenUp(ledger: Ledger, insert: ExactInsert, arrived: number, error: LedgerError | undefined): LedgerError {
  if (error === undefined)
    return new LedgerError(
      'verification_failed',
      `${arrived} of a block's ${insert.rows} rows arrive in ${insert.table}`,
      {
        place: insert.file,
        hint: 'run the same command again; if it happens again, report it',
      },
    )
  return new LedgerError(error.code, error.message, {
    place: ledger.location,
    hint: 'nothing was published; run the same command again when the target answers',
    retryable: true,
    cause: error,
  })
}

async function pause(round: number, signal?: AbortSignal): Promise<void> {
  const ms = Math.min(FIRST_WAIT_MS * 2 ** round, LONGEST_WAIT_MS)
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal })
  } catch (cause) {
    throw new LedgerError('interrupted', 'interrupted while waiting for the target', { cause })
  }
}
