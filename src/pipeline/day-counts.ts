import type { DayTenantCounts } from '../domain/document.js'
import { dayOf } from '../ledger/drift.js'
import type { Ledger } from '../ledger/ledger.js'
import type { VerifiedPartition } from '../ledger/lost-rows.js'
import type { PublishedPartition, PublishResult } from '../ledger/publish.js'
import { MOST_TENANTS, tenantRows } from '../ledger/staged-counts.js'

/** Before, inserted and after, per day and tenant, for the days of the input. */
export async function dayCounts(
  ledger: Ledger,
  verified: readonly VerifiedPartition[],
  { partitions, drifts }: Pick<PublishResult, 'partitions' | 'drifts'>,
): Promise<DayTenantCounts[]> {
  const published = new Map(partitions.map((partition) => [partition.partitionId, partition]))
  const isKnown = (id: string) => drifts.has(id) && isWhole(published.get(id))
  const ids = verified.map(({ partitionId }) => partitionId)
  const seen = await tenantRows(
    ledger,
    ids.filter((id) => !isKnown(id)),
  )
  const counts = [...seen]
  for (const id of ids.filter(isKnown))
    for (const [tenantId, , rows] of published.get(id)?.tenants ?? []) counts.push({ partitionId: id, tenantId, rows })
  const inserted = new Map<string, number>()
  for (const { partitionId, tenants } of partitions)
    for (const [tenant, , added] of tenants) inserted.set(`${partitionId} ${tenant}`, added)
  return counts
    .sort((a, b) => compare(a.partitionId, b.partitionId) || b.rows - a.rows || compare(a.tenantId, b.tenantId))
    .map(({ partitionId, tenantId, rows }) => {
      const added = inserted.get(`${partitionId} ${tenantId}`) ?? 0
      return { day: dayOf(partitionId), tenantId, before: rows - added, inserted: added, after: rows }
    })
}

/**
 * Whether all that a day holds came with this run, in whose plan it stands by tenant: then `usage` need not be read once
 * more. Nobody else can have written to it, where its drift is known.
 */
function isWhole(partition: PublishedPartition | undefined): boolean {
  return partition !== undefined && partition.rowsBefore === 0 && partition.tenants.length < MOST_TENANTS
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
