import { LedgerError } from '../../domain/errors.js'
import type { Ledger } from '../../ledger/ledger.js'
import { createScratch, dropDatabase } from '../../ledger/scratch-database.js'
import { countTables, differences, type LedgerCounts, tablesThere } from './counts.js'
import type { BackupTool, Stored } from './tool.js'

/** Keeps the engine from merging tables: it would drop rows past their TTL before they are counted. */
export async function stopMerges(ledger: Ledger, names: readonly string[]): Promise<void> {
  for (const name of names) await ledger.command(`SYSTEM STOP MERGES ${ledger.table(name)}`)
}

/** Lets the engine merge them again. */
export async function startMerges(ledger: Ledger, names: readonly string[]): Promise<void> {
  for (const name of names) await ledger.command(`SYSTEM START MERGES ${ledger.table(name)}`)
}

/**
 * Restores a backup into a new database and compares what is there with what it should hold. What differs is said, and what
 * is in the database then is worth nothing.
 */
export async function loadBeside(
  ledger: Ledger,
  tool: BackupTool,
  from: Stored,
  counts: Pick<LedgerCounts, 'tables'>,
  database: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const names = counts.tables.map(({ name }) => name)
  const beside = ledger.in(database)
  await createScratch(ledger, database)
  const created = async () => stopMerges(beside, await tablesThere(beside, names))
  await tool.load({ ledger, from, into: database, signal, created })
  return differences(counts.tables, await countOrSay(beside, await tablesThere(beside, names)))
}

/** A file that is damaged shows when it is read. */
async function countOrSay(ledger: Ledger, names: readonly string[]) {
  try {
    return await countTables(ledger, names)
  } catch (error) {
    if (!(error instanceof LedgerError) || error.code !== 'target_failed') throw error
    throw new LedgerError('verification_failed', `the restored rows cannot be read: ${error.message}`, {
      place: ledger.location,
      hint: 'this backup is damaged: obleth-ledger backups list shows which others there are',
      cause: error,
    })
  }
}

/** The same in a database that is dropped again: proves a backup, and touches nothing that is there. */
export async function tryOut(
  ledger: Ledger,
  tool: BackupTool,
  from: Stored,
  counts: Pick<LedgerCounts, 'tables'>,
  database: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    return await loadBeside(ledger, tool, from, counts, database, signal)
  } finally {
    await dropDatabase(ledger, database)
  }
}
