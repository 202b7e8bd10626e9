import { randomBytes } from 'node:crypto'
import { LedgerError } from '../../domain/errors.js'
import { familyOf } from '../../ledger/engine-family.js'
import { literal } from '../../ledger/identifiers.js'
import type { TargetState, UsageState } from '../../ledger/inspect-target.js'
import type { Ledger } from '../../ledger/ledger.js'
import { lockOwner, refuseLiving, TargetLock } from '../../ledger/lock.js'
import type { Patience } from '../../ledger/patiently.js'
import { createScratch, dropDatabase } from '../../ledger/scratch-database.js'
import { unfinishedRuns } from '../../ledger/unfinished.js'
import { newBackupId } from '../id.js'
import { leftBehind } from './left-behind.js'
import { isOfRun, scratchName } from './names.js'
import { stopMerges } from './scratch.js'
import { settleSnapshot } from './settle-snapshot.js'
import { endStatements } from './statement.js'
import type { BackupTool } from './tool.js'

/** A ledger as it was at one moment, in a database of its own. */
export interface Snapshot {
  /** Looks at the snapshot's database. */
  readonly ledger: Ledger
  readonly tables: readonly string[]
  /** Tables and views of the ledger's database that are not in it. */
  readonly left: readonly string[]
  /** Groups in which rollup and raw rows differ, as in the ledger itself; null where there is no rollup. */
  readonly drifting: number | null
  /** Groups of the rollup that were brought to it, since requests were on their way into it. */
  readonly settled: number
  /** Runs that have begun to publish and have not finished. */
  readonly unfinished: readonly string[]
}

/** What a snapshot is made of, and how. */
export interface SnapshotSource {
  readonly ledger: Ledger
  readonly state: TargetState
  readonly usage: UsageState
  /** For rows of ours on their way to the snapshot. */
  readonly spoolDir: string
  readonly tool: BackupTool
  /** Takes over the lock of another run that is gone. */
  readonly breakLock: boolean
  readonly patience: Patience
}

/** What a backup's run is called while it holds the lock. */
const LOCK_NAME = 'backup'

/**
 * Lends a snapshot of the ledger: tables of the same parts, as hard links, so that it takes no space and no time, and counts
 * and backup are of the very same rows while pods insert on. Only while it is made it holds the lock of the runs, so that no
 * half of a publish is in it. Throws `target_locked`, and `refused` where the tables are of an engine that has no parts here.
 */
export async function withSnapshot<T>(source: SnapshotSource, use: (snapshot: Snapshot) => Promise<T>): Promise<T> {
  const { ledger, tool, patience } = source
  refuseEngine(source.usage, ledger)
  for (const name of await leftBehind(ledger)) {
    await endStatements(ledger, name)
    await tool.forget(name)
    await dropDatabase(ledger, name)
  }
  const database = scratchName(ledger.database, 'backup', newBackupId(Date.now()))
  const owner = ledger.kind === 'server' ? await lockOwner(ledger) : null
  const earlier = owner?.runId.startsWith(LOCK_NAME) ? owner : null
  // One that was killed while it held the lock.
  if (earlier !== null && !source.breakLock) refuseLiving(ledger, earlier.runId, earlier)
  const runId = earlier?.runId ?? `${LOCK_NAME}${randomBytes(5).toString('hex')}`
  const lock = await TargetLock.acquire(ledger, runId, source, patience)
  try {
    const snapshot = await lock.during(patience, () => take(source, database))
    return await use(snapshot)
  } finally {
    await dropDatabase(ledger, database)
  }
}

async function take({ ledger, state, spoolDir }: SnapshotSource, database: string): Promise<Snapshot> {
  const { tables, left } = await tablesOf(ledger)
  await createScratch(ledger, database)
  const snapshot = ledger.in(database)
  for (const table of tables) await clone(ledger, snapshot, table)
  const { drifting, settled } = await settleSnapshot(ledger, snapshot, state, spoolDir)
  const unfinished = (await unfinishedRuns(ledger)).map(({ run }) => run)
  return { ledger: snapshot, tables, left, drifting, settled, unfinished }
}

/** Merges are stopped before a part is there: they would change counts, and rows past their TTL would go. */
async function clone(ledger: Ledger, snapshot: Ledger, table: string): Promise<void> {
  await snapshot.command(`CREATE TABLE ${snapshot.table(table)} AS ${ledger.table(table)}`)
  await stopMerges(snapshot, [table])
  const partitions = await ledger.rows<{ id: string }>(
    `SELECT DISTINCT partition_id AS id FROM system.parts
     WHERE database = ${literal(ledger.database)} AND table = ${literal(table)} AND active ORDER BY id`,
  )
  for (const { id } of partitions)
    await snapshot.command(
      `ALTER TABLE ${snapshot.table(table)} ATTACH PARTITION ID ${literal(id)} FROM ${ledger.table(table)}`,
    )
}

/** Raw rows and rollup last, one right behind the other: what a pod inserts in between has to be settled. */
const LAST = ['usage', 'usage_daily']

async function tablesOf(ledger: Ledger): Promise<{ tables: string[]; left: string[] }> {
  const all = await ledger.rows<{ name: string; engine: string }>(
    `SELECT name, engine FROM system.tables
     WHERE database = ${literal(ledger.database)} AND NOT is_temporary ORDER BY name`,
  )
  const held = ({ name, engine }: { name: string; engine: string }) =>
    /^[A-Za-z0-9_]{1,64}$/.test(name) && /^(?!Replicated|Shared)\w*MergeTree$/.test(engine)
  const mine = all.filter(({ name }) => !isOfRun(name))
  const tables = mine.filter(held).map(({ name }) => name)
  return {
    tables: [...tables.filter((name) => !LAST.includes(name)), ...LAST.filter((name) => tables.includes(name))],
    left: mine.filter((table) => !held(table) && table.name !== 'usage_daily_mv').map(({ name }) => name),
  }
}

function refuseEngine({ engine }: UsageState, ledger: Ledger): void {
  const family = familyOf(engine)
  if (family === 'merge_tree' || family === 'replacing') return
  const hint =
    family === 'shared'
      ? "this is a managed ClickHouse, which makes backups itself: see the provider's backups, and docs/clickhouse-backups.md"
      : 'the rows are on several servers: use clickhouse-backup there, and see docs/clickhouse-backups.md'
  throw new LedgerError('refused', `\`usage\` is a ${engine} table, of which no snapshot can be made from here`, {
    place: ledger.location,
    hint,
  })
}
