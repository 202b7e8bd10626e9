import { literal } from './identifiers.js'
import type { Ledger } from './ledger.js'
import type { Staging } from './staging.js'

/** Staged records with ts_ms before the time given, unix ms; 0 where all is published and staging is gone. */
export async function countStagedBefore(ledger: Ledger, staging: Staging, beforeMs: number): Promise<number> {
  const [table] = await ledger.rows(
    `SELECT name FROM system.tables
     WHERE database = ${literal(ledger.database)} AND name = ${literal(staging.tableName)}`,
  )
  if (table === undefined) return 0
  const [{ rows }] = await ledger.rows<{ rows: string }>(
    `SELECT count() AS rows FROM ${ledger.table(staging.tableName)} WHERE ts_ms < ${Math.floor(beforeMs)}`,
  )
  return Number(rows)
}

/** More day and tenant pairs than anybody reads. */
const MOST_PAIRS = 10_000

/** Rows of `usage` per day and tenant, for the days given. */
export async function tenantRows(
  ledger: Ledger,
  partitionIds: readonly string[],
): Promise<{ partitionId: string; tenantId: string; rows: number }[]> {
  if (partitionIds.length === 0) return []
  const rows = await ledger.rows<{ partition_id: string; tenant: string; rows: string }>(
    `SELECT _partition_id AS partition_id, toString(tenant_id) AS tenant, count() AS rows
     FROM ${ledger.table('usage')} WHERE _partition_id IN (${partitionIds.map(literal).join(', ')})
     GROUP BY partition_id, tenant_id ORDER BY partition_id, rows DESC, tenant LIMIT ${MOST_PAIRS}`,
  )
  return rows.map(({ partition_id, tenant, rows: count }) => ({
    partitionId: partition_id,
    tenantId: tenant,
    rows: Number(count),
  }))
}

/** Rows of one partition of `usage` or staging. */
export async function countRows(ledger: Ledger, table: string, partitionId: string): Promise<number> {
  const [{ rows }] = await ledger.rows<{ rows: string }>(
    `SELECT count() AS rows FROM ${ledger.table(table)} WHERE _partition_id = ${literal(partitionId)}`,
  )
  return Number(rows)
}

/** So many tenants are named one by one in the summary. */
const MOST_TENANTS = 10_000

/** Rows of a partition in `usage` (given their number) and in staging, for each tenant that has staged ones. */
export async function tenantCounts(
  ledger: Ledger,
  staging: string,
  partitionId: string,
  rowsBefore: number,
): Promise<[tenant: string, before: number, added: number][]> {
  const count = (table: string, before: string, added: string) =>
    `SELECT tenant_id, ${before} AS b, ${added} AS a FROM ${ledger.table(table)}
     WHERE _partition_id = ${literal(partitionId)} GROUP BY tenant_id`
  const sides = [count(staging, '0', 'count()'), ...(rowsBefore === 0 ? [] : [count('usage', 'count()', '0')])]
  const rows = await ledger.rows<{ tenant: string; before: string; added: string }>(
    `SELECT toString(tenant_id) AS tenant, sum(b) AS before, sum(a) AS added FROM (${sides.join(' UNION ALL ')})
     GROUP BY tenant_id HAVING added > 0 ORDER BY added DESC, tenant LIMIT ${MOST_TENANTS}`,
  )
  return rows.map(({ tenant, before, added }) => [tenant, Number(before), Number(added)])
}
