import { statfs } from 'node:fs/promises'
import { LedgerError } from '../domain/errors.js'
import type { PublishWay } from '../domain/options.js'
import { ROLLUP_COLUMNS } from '../domain/rollup.js'
import type { Warning } from '../domain/wal.js'
import { type EngineFamily, familyOf, tableBehind } from './engine-family.js'
import { literal } from './identifiers.js'
import { ifAllowed } from './if-allowed.js'
import type { Ledger } from './ledger.js'
import { isBackfilled } from './schema.js'
import { targetWarnings } from './target-warnings.js'
import { readTtl, type TtlState } from './ttl.js'
import { type ColumnCheck, type ColumnInfo, checkColumns } from './usage-columns.js'

/** What a target is and holds, as far as a replay must know before it writes anything. */
export interface TargetState {
  readonly kind: Ledger['kind']
  readonly version: string
  /** Whose days the partitions are. */
  readonly timezone: string
  readonly databaseExists: boolean
  readonly usage: UsageState | null
  readonly rollup: RollupState | null
  /** obleth's view from `usage` into `usage_daily`; null where it does not exist. */
  readonly view: { readonly leavesOutBenchmark: boolean } | null
  readonly meta: { readonly backfilled: boolean } | null
  /**
   * `database.name` of the other materialized views that read from `usage`, or from the table behind it on this server. A
   * move of partitions fires none of them, an insert all.
   */
  readonly otherViews: readonly string[]
  /** Free bytes where `usage` is or would be stored; null where the server does not tell. */
  readonly freeBytes: number | null
  /** System tables that the user may not read: what they would have told is null here. */
  readonly unreadable: readonly string[]
  readonly warnings: readonly Warning[]
}

export interface UsageState {
  readonly engine: string
  readonly family: EngineFamily
  /**
   * Engine and keys of the table that stores the rows: the one behind a Distributed one, which is null where this server
   * does not have it, and `usage` itself else.
   */
  readonly stored: { readonly engine: string; readonly partitionKey: string; readonly sortingKey: string } | null
  readonly rows: number
  readonly columns: ColumnCheck
  readonly deduplicationWindow: number | null
  readonly ttl: TtlState | null
  readonly projections: readonly string[]
  readonly mutationsRunning: number | null
}

export interface RollupState {
  readonly engine: string
  readonly rows: number
  /** Names of those of ROLLUP_COLUMNS that the table has; an older one lacks some. */
  readonly measures: readonly string[]
  readonly deduplicationWindow: number | null
}

interface TableRow {
  database: string
  name: string
  engine: string
  engine_full: string
  create_table_query: string
  partition_key: string
  sorting_key: string
  rows: string
  views: [string, string][]
}

/** The oldest release with every statement that staging and publishing use. */
const OLDEST = [22, 8]

/**
 * Looks at a target without changing it. Works on an empty one, too. `way`: what is said of views depends on it.
 * `before`: how it was a moment ago, before this process made its schema; what that leaves as it is, and the marker that
 * it makes, are not asked for again. Throws `refused` where its version is too old.
 */
export async function inspectTarget(
  ledger: Ledger,
  way: PublishWay = 'move',
  before?: TargetState,
): Promise<TargetState> {
  const { version, timezone } = before ?? (await serverOf(ledger))
  refuseOld(version)
  const databaseExists = before !== undefined || (await hasDatabase(ledger))
  const tables = await tablesNamed(ledger, ledger.database, ['usage', 'usage_daily', 'usage_daily_mv', 'usage_meta'])
  const table = (name: string) => tables.find((row) => row.name === name)
  const unreadable = [...(before?.unreadable ?? [])]
  const allowed: Allowed = (from, read) => ifAllowed(read, () => unreadable.includes(from) || unreadable.push(from))
  const windows = await allowed('system.merge_tree_settings', deduplicationDefaults(ledger))
  const usage = table('usage')
  const storing = usage === undefined ? undefined : await tableStoring(ledger, usage)
  const daily = table('usage_daily')
  const view = table('usage_daily_mv')
  const state = {
    kind: ledger.kind,
    ...{ version, timezone, databaseExists },
    usage: usage === undefined ? null : await usageState(ledger, usage, storing, windows, allowed),
    rollup: daily === undefined ? null : await rollupState(ledger, daily, windows),
    view: view === undefined ? null : { leavesOutBenchmark: view.create_table_query.includes("'benchmark'") },
    meta:
      table('usage_meta') === undefined ? null : { backfilled: before !== undefined || (await isBackfilled(ledger)) },
    otherViews: otherViews(ledger, [usage, storing]),
    freeBytes:
      before !== undefined
        ? before.freeBytes
        : await allowed('system.disks and system.storage_policies', freeBytes(ledger)),
    unreadable,
  }
  return { ...state, warnings: targetWarnings(state, way) }
}

async function serverOf(ledger: Ledger): Promise<{ version: string; timezone: string }> {
  const [server] = await ledger.rows<{ version: string; timezone: string }>(
    'SELECT version() AS version, timezone() AS timezone',
  )
  return server
}

async function hasDatabase(ledger: Ledger): Promise<boolean> {
  const found = await ledger.rows(`SELECT 1 AS found FROM system.databases WHERE name = ${literal(ledger.database)}`)
  return found.length > 0
}

function tablesNamed(ledger: Ledger, database: string, names: readonly string[]): Promise<TableRow[]> {
  return ledger.rows<TableRow>(
    `SELECT database, name, engine, engine_full, create_table_query, partition_key, sorting_key,
       toString(ifNull(total_rows, 0)) AS rows, arrayZip(dependencies_database, dependencies_table) AS views
     FROM system.tables WHERE database = ${literal(database)} AND name IN (${names.map(literal).join(', ')})`,
  )
}

/** The table that holds the rows of `usage`; undefined where that is on other servers only. */
async function tableStoring(ledger: Ledger, usage: TableRow): Promise<TableRow | undefined> {
  if (usage.engine !== 'Distributed') return usage
  const behind = tableBehind(usage.engine_full, ledger.database)
  return behind === null ? undefined : (await tablesNamed(ledger, behind.database, [behind.name])).at(0)
}

function otherViews(ledger: Ledger, tables: readonly (TableRow | undefined)[]): string[] {
  const views = tables.flatMap((table) => table?.views ?? []).map(([database, name]) => `${database}.${name}`)
  return [...new Set(views)].filter((name) => name !== `${ledger.database}.usage_daily_mv`)
}

/** Names the system table that a read is from; null where the user may not read it. */
type Allowed = <T>(from: string, read: Promise<T>) => Promise<T | null>

function refuseOld(version: string): void {
  const [major, minor] = version.split('.').map(Number)
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return
  throw new LedgerError('refused', `ClickHouse ${version} is too old: ${OLDEST.join('.')} or newer is needed`, {
    hint: 'replay into an embedded ledger (--embedded) and copy the days from there',
  })
}

async function usageState(
  ledger: Ledger,
  table: TableRow,
  storing: TableRow | undefined,
  windows: DeduplicationDefaults | null,
  allowed: Allowed,
): Promise<UsageState> {
  return {
    engine: table.engine,
    family: familyOf(table.engine),
    stored:
      storing === undefined
        ? null
        : { engine: storing.engine, partitionKey: storing.partition_key, sortingKey: storing.sorting_key },
    rows: Number(table.rows),
    columns: checkColumns(await columnsOf(ledger, 'usage')),
    deduplicationWindow: windowOf(storing ?? table, windows),
    ttl: await readTtl(ledger, storing?.engine_full ?? ''),
    projections: [...table.create_table_query.matchAll(/ PROJECTION `?(\w+)`?/g)].map((match) => match[1]),
    mutationsRunning: await allowed('system.mutations', mutationsRunning(ledger)),
  }
}

async function mutationsRunning(ledger: Ledger): Promise<number> {
  const [{ running }] = await ledger.rows<{ running: number }>(
    `SELECT toUInt32(count()) AS running FROM system.mutations
     WHERE database = ${literal(ledger.database)} AND table = 'usage' AND is_done = 0`,
  )
  return running
}

async function rollupState(
  ledger: Ledger,
  table: TableRow,
  windows: DeduplicationDefaults | null,
): Promise<RollupState> {
  const names = new Set((await columnsOf(ledger, 'usage_daily')).map(({ name }) => name))
  return {
    engine: table.engine,
    rows: Number(table.rows),
    measures: ROLLUP_COLUMNS.map(({ name }) => name).filter((name) => names.has(name)),
    deduplicationWindow: windowOf(table, windows),
  }
}

function columnsOf(ledger: Ledger, table: string): Promise<ColumnInfo[]> {
  return ledger.rows<ColumnInfo>(
    `SELECT name, type, default_kind FROM system.columns
     WHERE database = ${literal(ledger.database)} AND table = ${literal(table)} ORDER BY position`,
  )
}

type DeduplicationDefaults = ReadonlyMap<string, number>

function windowOf(table: TableRow, windows: DeduplicationDefaults | null): number | null {
  const kind = /^(Replicated|Shared)/.test(table.engine) ? 'replicated' : 'non_replicated'
  const name = `${kind}_deduplication_window`
  const set = new RegExp(`\\b${name} = (\\d+)`).exec(table.engine_full)
  return set === null ? (windows === null ? null : (windows.get(name) ?? 0)) : Number(set[1])
}

async function deduplicationDefaults(ledger: Ledger): Promise<DeduplicationDefaults> {
  const rows = await ledger.rows<{ name: string; value: string }>(
    "SELECT name, value FROM system.merge_tree_settings WHERE name LIKE '%replicated_deduplication_window'",
  )
  return new Map(rows.map(({ name, value }) => [name, Number(value)]))
}

/** Of the disks of the policy that `usage` has (`default` where there is no table yet), or of the one that an embedded ledger is on. */
async function freeBytes(ledger: Ledger): Promise<number | null> {
  // Its engine needs 14 ms for the answer, a twentieth of the time to the first insert.
  if (ledger.kind === 'embedded') return await freeBytesAt(ledger.location)
  const [row] = await ledger.rows<{ free: string; disks: number }>(
    `WITH (SELECT any(storage_policy) FROM system.tables
           WHERE database = ${literal(ledger.database)} AND name = 'usage') AS policy
     SELECT toString(sum(free_space)) AS free, toUInt32(count()) AS disks FROM system.disks WHERE name IN
       (SELECT arrayJoin(disks) FROM system.storage_policies WHERE policy_name = if(policy = '', 'default', policy))`,
  )
  return row === undefined || row.disks === 0 ? null : Number(row.free)
}

async function freeBytesAt(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory)
  return bavail * bsize
}
