import { LedgerError } from '../domain/errors.js'
import { MEMORY_LIMIT_EXCEEDED, serverCode } from './adapt-error.js'
import { literal } from './identifiers.js'
import type { Ledger, NativeInsert } from './ledger.js'
import { type Patience, patiently } from './patiently.js'

export interface ExactInsert extends Omit<NativeInsert, 'frugal'> {
  readonly rows: number
}

/** The parts of a table at one moment. */
export interface Parts {
  readonly rows: number
  readonly names: ReadonlySet<string>
}

/** So many inserts that were answered well and did not bring all rows are no accident any more. */
const MOST_SILENT = 8

/**
 * Inserts a file into a table that nobody else writes to and that is never merged, exactly once. Whatever the insert
 * said, the table is looked at: all rows there is success, some are dropped with their parts, and none is another attempt.
 * Where the answer was lost the token stays, so that an insert which is late by an attempt comes to nothing; where a
 * success brought too little it is new (ClickHouse remembers a token before its part is in place). After a memory limit
 * the insert is frugal. Throws what the last attempt threw where waiting cannot help or the attempts are used up.
 * `last`: what the call before this one returned for the same table, which saves a look.
 */
export async function insertExactly(
  ledger: Ledger,
  insert: ExactInsert,
  patience: Patience,
  last?: Parts,
): Promise<Parts> {
  const before = last ?? (await parts(ledger, insert.table))
  let tokens = 0
  let frugal = false
  return await patiently(ledger, patience, async ({ failure }) => {
    if (failure !== undefined) {
      const after = await look(ledger, insert.table, before, insert.rows)
      if (after.rows === before.rows + insert.rows) return after
      if (serverCode(failure) === MEMORY_LIMIT_EXCEEDED && !frugal) {
        frugal = true
        // The same token would name other pieces.
        tokens++
      }
    }
    let arrived = 0
    for (let silent = 0; silent < MOST_SILENT; silent++) {
      await ledger.insertNative({ ...insert, token: `${insert.token}-${tokens}`, frugal })
      const after = await look(ledger, insert.table, before, insert.rows)
      arrived = after.rows - before.rows
      if (arrived === insert.rows) return after
      tokens++
    }
    throw new LedgerError(
      'verification_failed',
      `${arrived} of a block's ${insert.rows} rows arrive in ${insert.table}`,
      { place: insert.file, hint: 'run the same command again; if it happens again, report it' },
    )
  })
}

/** The parts as they are now; new ones that hold other than the rows expected are dropped. */
async function look(ledger: Ledger, table: string, before: Parts, rows: number): Promise<Parts> {
  const after = await parts(ledger, table)
  const arrived = after.rows - before.rows
  if (arrived !== 0 && arrived !== rows) await dropNew(ledger, table, before, after)
  return after
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
