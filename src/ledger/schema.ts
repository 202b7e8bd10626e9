import { LedgerError } from '../domain/errors.js'
import { BENCHMARK_REQUEST_TYPE, FIELDS } from '../domain/record.js'
import { ROLLUP_COLUMNS } from '../domain/rollup.js'
import { identifier, literal } from './identifiers.js'
import type { TargetState } from './inspect-target.js'
import type { Ledger } from './ledger.js'

/** Key and value of the row in `usage_meta` by which obleth knows that `usage_daily` needs no backfill. */
const BACKFILL_MARKER = { key: 'backfilled_v1', value: '1' }

const ROLLUP_GROUP = ['day', 'tenant_id', 'key_id', 'model']
const SUCCESS = 'status_code >= 200 AND status_code < 400'

/** The sums of `usage_daily` as obleth's view spells them, where that is not plainly sum(column). */
const VIEW_SQL: Record<string, string> = {
  requests: 'count()',
  success_requests: `countIf(${SUCCESS})`,
  error_requests: 'countIf(status_code >= 400)',
  cache_hits: "countIf(cache_status = 'hit')",
  cache_misses: "countIf(cache_status = 'miss')",
  ttft_ms_sum: `sumIf(ttft_ms, ${SUCCESS})`,
  total_ms_sum: `sumIf(total_ms, ${SUCCESS})`,
}

/**
 * obleth's statements for an empty ledger, for the database of this ledger: tables, columns, engines and settings as the
 * current gateway makes them, so that its next boot finds nothing to do. `spans` is left to obleth. `usage` comes last but
 * for the view: where it is, all else is there as well, though whoever made it was cut short.
 */
function schemaStatements(ledger: Pick<Ledger, 'database' | 'table'>): string[] {
  const columns = FIELDS.map(
    ({ name, column, columnDefault }) =>
      `${name} ${column}${columnDefault === null ? '' : ` DEFAULT ${columnDefault}`}`,
  )
  const measures = ROLLUP_COLUMNS.map(({ name, kind }) => `${name} ${kind === 'integer' ? 'UInt64' : 'Float64'}`)
  const selected = ROLLUP_COLUMNS.map(({ name, perRow }) => `${VIEW_SQL[name] ?? `sum(${perRow})`} AS ${name}`)
  const usage = ledger.table('usage')
  const daily = ledger.table('usage_daily')
  return [
    `CREATE DATABASE IF NOT EXISTS ${identifier(ledger.database)}`,
    `CREATE TABLE IF NOT EXISTS ${daily} (day Date, tenant_id UUID, key_id UUID, model String, ${measures.join(', ')})
      ENGINE = SummingMergeTree() PARTITION BY toYYYYMM(day) ORDER BY (${ROLLUP_GROUP.join(', ')})
      SETTINGS non_replicated_deduplication_window = 10000`,
    `CREATE TABLE IF NOT EXISTS ${ledger.table('usage_meta')}
      (key String, value String, updated_at DateTime64(3) DEFAULT now64(3))
      ENGINE = ReplacingMergeTree(updated_at) ORDER BY (key, value)`,
    `CREATE TABLE IF NOT EXISTS ${usage} (${columns.join(', ')},
      ts DateTime64(3) MATERIALIZED fromUnixTimestamp64Milli(ts_ms),
      INDEX idx_ts_ms ts_ms TYPE minmax GRANULARITY 4)
      ENGINE = MergeTree() PARTITION BY toYYYYMMDD(ts) ORDER BY (tenant_id, ts_ms)
      SETTINGS non_replicated_deduplication_window = 10000`,
    `CREATE MATERIALIZED VIEW IF NOT EXISTS ${ledger.table('usage_daily_mv')} TO ${daily} AS
      SELECT toDate(ts) AS day, tenant_id, key_id, model, ${selected.join(', ')}
      FROM ${usage} WHERE request_type != ${literal(BENCHMARK_REQUEST_TYPE)}
      GROUP BY ${ROLLUP_GROUP.join(', ')}`,
  ]
}

/**
 * Makes obleth's database, tables and view where they are missing, and marks the rollup as seeded. For a ledger without
 * rows in `usage` only (`refused` otherwise): where rows are, a rollup made now would lack them. Harmless when repeated
 * after it was cut short. `empty`: how the target was a moment ago, where that is known.
 */
export async function createSchema(ledger: Ledger, empty?: TargetState): Promise<void> {
  const [database, ...tables] = schemaStatements(ledger)
  await ledger.command(database)
  await refuseRows(ledger)
  for (const statement of tables.slice(0, -2)) await ledger.command(statement)
  // A second such row does no harm, where an attempt before this one was cut short.
  if (empty?.meta === null) await insertMarker(ledger)
  else await markBackfilled(ledger)
  for (const statement of tables.slice(-2)) await ledger.command(statement)
}

/** Whether there is no schema yet, or just what {@link createSchema} leaves where it was cut short before the view. */
export function lacksSchema({ usage, rollup, view, meta }: TargetState): boolean {
  if (usage === null) return true
  // The views of a cluster stand behind its tables, under names of their own.
  if (usage.family !== 'merge_tree') return false
  return view === null && usage.rows === 0 && rollup?.rows === 0 && meta?.backfilled === true
}

/** Writes the marker row, where it is missing, that keeps obleth's next boot from counting history again. */
export async function markBackfilled(ledger: Ledger): Promise<void> {
  if (!(await isBackfilled(ledger))) await insertMarker(ledger)
}

async function insertMarker(ledger: Ledger): Promise<void> {
  const once = ledger.settings({ async_insert: 0 })
  await ledger.command(
    `INSERT INTO ${ledger.table('usage_meta')} (key, value) ${once}
     SELECT ${literal(BACKFILL_MARKER.key)}, ${literal(BACKFILL_MARKER.value)}`,
  )
}

/** Whether the marker row is there; `usage_meta` must exist. */
export async function isBackfilled(ledger: Ledger): Promise<boolean> {
  const rows = await ledger.rows(
    `SELECT 1 AS found FROM ${ledger.table('usage_meta')} WHERE key = ${literal(BACKFILL_MARKER.key)} LIMIT 1`,
  )
  return rows.length > 0
}

async function refuseRows(ledger: Ledger): Promise<void> {
  const [usage] = await ledger.rows<{ rows: string }>(
    `SELECT toString(ifNull(total_rows, 0)) AS rows FROM system.tables
     WHERE database = ${literal(ledger.database)} AND name = 'usage'`,
  )
  if (usage !== undefined && usage.rows !== '0')
    throw new LedgerError('refused', `\`usage\` already holds ${usage.rows} rows, so its schema is not made anew`, {
      place: `${ledger.location}, database ${ledger.database}`,
      hint: 'start obleth once: it creates what is missing and seeds the rollup from these rows',
    })
}
