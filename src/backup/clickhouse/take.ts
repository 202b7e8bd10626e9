import { join } from 'node:path'
import type { BackupContents, ClickhouseBackupOptions } from '../../domain/backup.js'
import { LedgerError } from '../../domain/errors.js'
import { inspectTarget } from '../../ledger/inspect-target.js'
import type { Ledger } from '../../ledger/ledger.js'
import { newBackupId } from '../id.js'
import type { Taken } from '../store.js'
import type { BackupWriter } from '../writer.js'
import { COUNTS_FILE, countTables, newestMs, type TableCounts, writtenCounts } from './counts.js'
import { scratchName } from './names.js'
import { tryOut } from './scratch.js'
import { type Snapshot, withSnapshot } from './snapshot.js'
import { toolFor } from './tools.js'

/**
 * Backs up a ledger: a snapshot, its counts, the tool's own files. Where the rows did not come by here, a restore beside the
 * ledger proves them at once.
 */
export async function takeLedger(
  ledger: Ledger,
  work: string,
  options: ClickhouseBackupOptions,
  writer: BackupWriter,
): Promise<Taken> {
  const { signal } = writer
  const state = await inspectTarget(ledger)
  if (state.usage === null)
    throw new LedgerError('source_not_found', `there is no ledger: database ${ledger.database} has no table usage`, {
      place: ledger.location,
      hint: 'name the ledger with --clickhouse-url or --embedded',
    })
  const tool = toolFor(work, options)
  const patience = { emit() {}, signal }
  const { usage } = state
  const source = { ledger, state, usage, spoolDir: work, tool, breakLock: options.breakLock, patience }
  return withSnapshot(source, async (snapshot) => {
    signal.throwIfAborted()
    const tables = await countTables(snapshot.ledger, snapshot.tables)
    const view = state.view !== null
    const { database } = ledger
    const from = snapshot.ledger.database
    const saved = await tool.save({ ledger, from, database, tables: snapshot.tables, view }, writer)
    const contents: BackupContents = {
      databases: [database],
      tables: tables.map(({ name, partitions }) => ({ table: `${database}.${name}`, rows: rowsOf(partitions) })),
      facts: { tool: tool.name, ...saved.facts, ...(await factsOf(snapshot, tables, state.timezone)) },
    }
    if (!saved.seen) {
      const trial = scratchName(database, 'trial', newBackupId(Date.now()))
      const wrong = await tryOut(
        ledger,
        tool,
        { contents, file: (name) => join(work, name) },
        { tables },
        trial,
        signal,
      )
      if (wrong.length > 0) throw unlike(wrong, ledger)
    }
    const written = writtenCounts({ tables, view, drifting: snapshot.drifting })
    await writer.add(COUNTS_FILE, bytesOf(written))
    return {
      programs: saved.programs,
      serverVersion: state.version,
      source: `${ledger.location}, database ${database}`,
      contents,
      notes: [...saved.notes, ...notesOf(snapshot, view)],
    }
  })
}

const rowsOf = (partitions: TableCounts['partitions']) => partitions.reduce((sum, { rows }) => sum + rows, 0)

async function factsOf(snapshot: Snapshot, tables: readonly TableCounts[], timezone: string) {
  const newest = await newestMs(snapshot.ledger)
  return {
    days: tables.find(({ name }) => name === 'usage')?.partitions.length ?? 0,
    newest: newest === null ? null : new Date(newest).toISOString(),
    timezone,
    rollup: rollupOf(snapshot),
  }
}

function rollupOf({ drifting }: Snapshot): string {
  if (drifting === null) return 'absent'
  return drifting === 0 ? 'consistent' : `differs in ${drifting} groups`
}

function notesOf({ left, drifting, settled, unfinished }: Snapshot, view: boolean): string[] {
  return [
    ...(left.length === 0 ? [] : [`not in the backup: ${left.join(', ')}`]),
    ...(view ? [] : ['the ledger had no view usage_daily_mv; obleth makes it at its next boot']),
    ...(drifting === null || drifting === 0
      ? []
      : [`usage_daily differs from usage in ${drifting} groups, as in the ledger: obleth-ledger repair --dry-run`]),
    ...(settled === 0 ? [] : [`requests were on their way into ${settled} groups of usage_daily, which were settled`]),
    ...(unfinished.length === 0
      ? []
      : [`run ${unfinished.join(', ')} had begun to publish and had not finished: undo it after a restore`]),
  ]
}

async function* bytesOf(text: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(text)
}

function unlike(wrong: readonly string[], ledger: Ledger): LedgerError {
  return new LedgerError('verification_failed', `the backup does not hold what was saved: ${wrong.join('; ')}`, {
    place: ledger.location,
    hint: 'the disk of the backups was full, most likely: free some space there, then run the same command again; the ledger is as it was',
  })
}
