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

/** Staged rows of a partition, by tenant. */
export async function stagedByTenant(
  ledger: Ledger,
  staging: string,
  partitionId: string,
): Promise<Map<string, number>> {
  return await byTenant(ledger, staging, partitionId, () => true)
}

/** So many tenants are named one by one in the summary. */
export const MOST_TENANTS = 10_000

/** Rows of a partition in `usage` and new ones, for each tenant that has new ones; most of them first. */
export async function tenantCounts(
  ledger: Ledger,
  partitionId: string,
  rowsBefore: number,
  added: ReadonlyMap<string, number>,
): Promise<[tenant: string, before: number, added: number][]> {
  const most = [...added].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, MOST_TENANTS)
  const named = new Set(most.map(([tenant]) => tenant))
  const before =
    rowsBefore === 0 ? new Map<string, number>() : await byTenant(ledger, 'usage', partitionId, (id) => named.has(id))
  return most.map(([tenant, rows]) => [tenant, before.get(tenant) ?? 0, rows])
}

async function byTenant(
  ledger: Ledger,
  table: string,
  partitionId: string,
  wanted: (tenant: string) => boolean,
): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  const sql = `SELECT toString(tenant_id) AS tenant, toString(count()) AS rows FROM ${ledger.table(table)}
    WHERE _partition_id = ${literal(partitionId)} GROUP BY tenant_id`
  for await (const portion of ledger.stream<{ tenant: string; rows: string }>(sql))
    for (const { tenant, rows } of portion) if (wanted(tenant)) found.set(tenant, Number(rows))
  return found
}
