import { randomBytes } from 'node:crypto'
import { LedgerError } from '../domain/errors.js'
import type { TargetOptions } from '../domain/options.js'
import type { RunContext } from '../domain/run.js'
import { connect } from '../ledger/connect.js'
import { literal } from '../ledger/identifiers.js'
import type { Ledger } from '../ledger/ledger.js'
import { patiently } from '../ledger/patiently.js'
import { createScratch, dropDatabase, makerIsGone } from '../ledger/scratch-database.js'

const PREFIX = 'obleth_bench_'

/**
 * Lends a new, empty database on a target and drops it afterwards, however it was used, also where the signal has aborted.
 * No other is touched, save those of killed benches of this machine, which are dropped too. The embedded engine is closed
 * while the database is used, since only one connection can have its directory open.
 *
 * @throws LedgerError what connecting and creating throw, and what `use` throws
 */
export async function withScratchDatabase<T>(
  target: TargetOptions,
  context: Pick<RunContext, 'emit' | 'signal'>,
  use: (target: TargetOptions) => Promise<T>,
): Promise<T> {
  // A new name for each attempt: what came of the one before is not known.
  let database = ''
  await connected(target, (ledger) =>
    patiently(ledger, context, async () => {
      await dropLeftBehind(ledger)
      database = `${PREFIX}${randomBytes(6).toString('hex')}`
      await createScratch(ledger, database)
    }),
  )
  const scratch = { ...target, database }
  let outcome: T
  try {
    outcome = await use(scratch)
  } catch (error) {
    const kept = await drop(scratch, context)
    throw kept === null ? error : left(database, error)
  }
  const kept = await drop(scratch, context)
  if (kept !== null) throw left(database, kept)
  return outcome
}

/** Why it could not be dropped; null where it is gone. */
async function drop(target: TargetOptions, { emit }: Pick<RunContext, 'emit'>): Promise<unknown> {
  const patience = { emit, signal: new AbortController().signal }
  try {
    await connected(target, (ledger) => patiently(ledger, patience, () => dropDatabase(ledger, target.database)))
    return null
  } catch (error) {
    return error
  }
}

/** The error that ended the measurement, which says as well what is left on the target. */
function left(database: string, cause: unknown): LedgerError {
  const known = cause instanceof LedgerError ? cause : null
  return new LedgerError(
    known?.code ?? 'internal',
    `${known?.message ?? String(cause)}; database ${database} is left there: the next bench from this machine drops it`,
    {
      ...(known?.place === undefined ? {} : { place: known.place }),
      ...(known?.hint === undefined ? {} : { hint: known.hint }),
      cause,
    },
  )
}

async function dropLeftBehind(ledger: Ledger): Promise<void> {
  const found = await ledger.rows<{ name: string; comment: string }>(
    `SELECT name, comment FROM system.databases WHERE startsWith(name, ${literal(PREFIX)}) ORDER BY name`,
  )
  for (const { name, comment } of found) if (makerIsGone(comment) === true) await dropDatabase(ledger, name)
}

async function connected<T>(target: TargetOptions, use: (ledger: Ledger) => Promise<T>): Promise<T> {
  const ledger = await connect(target)
  try {
    return await use(ledger)
  } finally {
    await ledger.close()
  }
}
