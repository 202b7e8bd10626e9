import { DAY_MS, FIELDS, type FieldName } from '../domain/record.js'
import { addSums } from '../domain/rollup.js'
import { dayOf, groupKey, type RawSums } from './drift.js'
import { identifier, literal } from './identifiers.js'
import type { Ledger } from './ledger.js'
import { type RollupShape, type SumsRow, selectSums, sumsOf } from './rollup-shape.js'
import { portion, portionsFor } from './run-tables.js'

/** What a partition of `usage` holds beyond one row per request id. */
export interface Surplus {
  readonly partitionId: string
  /** Request ids with rows too many here. */
  readonly records: number
  /** Rows that equal the one that stays, and rows with other values. */
  readonly copies: number
  readonly versions: number
  /** Of these rows; the cost in USD, as a float sum. */
  readonly tokens: number
  readonly costUsd: number
  /** Their sums in the rollup's columns, by {@link groupKey}; empty where there is no rollup. */
  readonly groups: ReadonlyMap<string, RawSums>
}

/** The columns of `usage` that rows are compared by. */
export interface SurplusColumns {
  readonly fields: readonly FieldName[]
  /** All that are stored: one that the records do not know can tell two rows apart. */
  readonly stored: readonly string[]
}

export async function surplusColumns(ledger: Ledger, fields: readonly FieldName[]): Promise<SurplusColumns> {
  const stored = await ledger.rows<{ name: string }>(
    `SELECT name FROM system.columns WHERE database = ${literal(ledger.database)} AND table = 'usage'
       AND default_kind IN ('', 'DEFAULT') ORDER BY position`,
  )
  return { fields, stored: stored.map(({ name }) => name) }
}

/** So many times more portions where rows are compared whole, not counted by id. */
const WHOLE_ROWS = 4

/**
 * Looks for rows too many in one partition. One row of each request id stays, by the rule that also settles conflicts
 * between WAL files: the greater `ts_ms`, then the greater value in the first field that differs. Copies are looked for
 * within a day around the partition, as in the anti-join. Null where there are none.
 */
export async function findSurplus(
  ledger: Ledger,
  partitionId: string,
  columns: SurplusColumns,
  shape: RollupShape | null,
): Promise<Surplus | null> {
  const rows = await rowsNear(ledger, partitionId)
  // The oldest tables have no cost.
  const cost = columns.fields.includes('cost_usd') ? 'sum(cost_usd)' : '0.'
  if (!(await anyDoubled(ledger, partitionId, rows))) return null
  let [records, copies, versions, tokens, costUsd] = [0, 0, 0, 0, 0]
  const groups = new Map<string, RawSums>()
  for (const part of wholePortions(rows)) {
    const from = surplusRows(ledger, partitionId, columns, part)
    const [row] = await ledger.rows<Record<'records' | 'copies' | 'versions' | 'tokens', string> & { cost: number }>(
      `SELECT uniqExact(request_id) AS records, countIf(version = kept) AS copies, countIf(version != kept) AS versions,
         sum(toUInt64(input_tokens) + output_tokens) AS tokens, ${cost} AS cost FROM (${from})`,
    )
    records += Number(row.records)
    copies += Number(row.copies)
    versions += Number(row.versions)
    tokens += Number(row.tokens)
    costUsd += Number(row.cost)
    if (shape !== null && row.records !== '0') await addGroups(ledger, shape, from, groups)
  }
  return copies + versions === 0 ? null : { partitionId, records, copies, versions, tokens, costUsd, groups }
}

/** Whether a partition holds a request id that is in `usage` more than once within a day around it. */
export async function holdsDoubled(ledger: Ledger, partitionId: string): Promise<boolean> {
  return await anyDoubled(ledger, partitionId, await rowsNear(ledger, partitionId))
}

/** Deletes the rows whose values lose against those of another row with the same id. */
export async function deleteLosingVersions(
  ledger: Ledger,
  partitionId: string,
  columns: SurplusColumns,
): Promise<void> {
  for (const part of wholePortions(await rowsNear(ledger, partitionId))) {
    const losing = `SELECT request_id, version FROM (${surplusRows(ledger, partitionId, columns, part)})
      WHERE version != kept`
    if ((await ledger.rows(`${losing} LIMIT 1`)).length === 0) continue
    await ledger.command(
      `ALTER TABLE ${ledger.table('usage')} DELETE IN PARTITION ID ${literal(partitionId)}
       WHERE ${part} AND (request_id, ${versionOf(columns)}) IN (${losing}) SETTINGS mutations_sync = 2`,
    )
  }
}

/** A SELECT of the partition's rows too many; `version` names a row's values, `kept` those of the row that stays. */
function surplusRows(ledger: Ledger, partitionId: string, columns: SurplusColumns, part: string): string {
  const near = nearBy(partitionId)
  const usage = ledger.table('usage')
  const window = `PARTITION BY request_id ORDER BY ${greatestFirst(columns.fields)}`
  return `SELECT * FROM (
      SELECT *, ts, _partition_id AS partition_id, ${versionOf(columns)} AS version,
        first_value(version) OVER (${window}) AS kept, row_number() OVER (${window}) AS place
      FROM ${usage} WHERE ${near} AND ${part} AND request_id IN (
        SELECT request_id FROM ${usage} WHERE ${near} AND ${part} GROUP BY request_id HAVING count() > 1))
    WHERE place > 1 AND partition_id = ${literal(partitionId)}`
}

const versionOf = ({ stored }: SurplusColumns) => `cityHash64(${stored.map(identifier).join(', ')})`

/** The order of the conflict rule, the version that stays first: texts and ids by their bytes, and 0 above -0. */
function greatestFirst(fields: readonly FieldName[]): string {
  const order = FIELDS.filter(({ name }) => fields.includes(name)).flatMap(({ name, kind }) => {
    if (kind === 'uuid' || kind === 'string') return [`toString(${name}) DESC`]
    return kind === 'f64' ? [`${name} DESC`, `reinterpretAsUInt64(${name}) ASC`] : [`${name} DESC`]
  })
  return ['ts_ms DESC', ...order, 'version DESC'].join(', ')
}

async function rowsNear(ledger: Ledger, partitionId: string): Promise<number> {
  const [{ rows }] = await ledger.rows<{ rows: string }>(
    `SELECT count() AS rows FROM ${ledger.table('usage')} WHERE ${nearBy(partitionId)}`,
  )
  return Number(rows)
}

async function anyDoubled(ledger: Ledger, partitionId: string, rows: number): Promise<boolean> {
  const portions = portionsFor(rows)
  for (let i = 0; i < portions; i++) {
    const found = await ledger.rows(
      `SELECT 1 AS found FROM ${ledger.table('usage')} WHERE ${nearBy(partitionId)} AND ${portion(i, portions)}
       GROUP BY request_id HAVING count() > 1 AND countIf(_partition_id = ${literal(partitionId)}) > 0 LIMIT 1`,
    )
    if (found.length > 0) return true
  }
  return false
}

function wholePortions(rows: number): string[] {
  const portions = portionsFor(rows * WHOLE_ROWS)
  return Array.from({ length: portions }, (_, i) => portion(i, portions))
}

/** The partition and those of the days before and after it. */
function nearBy(partitionId: string): string {
  const day = Date.parse(dayOf(partitionId))
  const ids = [day - DAY_MS, day, day + DAY_MS].map((ms) => new Date(ms).toISOString().slice(0, 10).replaceAll('-', ''))
  return `_partition_id IN (${ids.map(literal).join(', ')})`
}

async function addGroups(
  ledger: Ledger,
  shape: RollupShape,
  from: string,
  groups: Map<string, RawSums>,
): Promise<void> {
  const sql = `SELECT toString(tenant_id) AS tenant, toString(key_id) AS key, model, ${selectSums(shape)}
    FROM (${from}) WHERE ${shape.counts} GROUP BY tenant_id, key_id, model`
  for await (const rows of ledger.stream<SumsRow & Omit<RawSums, 'sums'>>(sql))
    for (const row of rows) {
      const { tenant, key, model } = row
      const before = groups.get(groupKey(row))?.sums
      const sums = before === undefined ? sumsOf(row) : addSums(before, sumsOf(row))
      groups.set(groupKey(row), { tenant, key, model, sums })
    }
}
