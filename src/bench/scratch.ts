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
  let failed = true
  try {
    const outcome = await use({ ...target, database })
    failed = false
    return outcome
  } finally {
    await drop({ ...target, database }, context, failed)
  }
}

/** Where `use` has failed, its reason is the one to tell: then what cannot be dropped is only noted. */
async function drop(target: TargetOptions, { emit }: Pick<RunContext, 'emit'>, failed: boolean): Promise<void> {
  const patience = { emit, signal: new AbortController().signal }
  try {
    await connected(target, (ledger) => patiently(ledger, patience, () => dropDatabase(ledger, target.database)))
  } catch (cause) {
    const message = `database ${target.database} could not be dropped; the next bench from this machine does it`
    if (failed) emit({ type: 'notice', message })
    else throw new LedgerError('target_failed', message, { ...(target.url ? { place: target.url } : {}), cause })
  }
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
