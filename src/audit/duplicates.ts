import type { Finding } from '../domain/audit.js'
import type { FieldName } from '../domain/record.js'
import { dayOf } from '../ledger/drift.js'
import type { Ledger } from '../ledger/ledger.js'
import { rawPartitions } from '../ledger/rollup-check.js'
import { findSurplus, surplusColumns } from '../ledger/surplus.js'

/** Request ids that stand in `usage` more than once, one finding a day; its size is that of the rows that `repair` would remove. */
export async function findDuplicates(ledger: Ledger, fields: readonly FieldName[]): Promise<Finding[]> {
  const columns = await surplusColumns(ledger, fields)
  const findings: Finding[] = []
  for (const partitionId of await rawPartitions(ledger)) {
    const surplus = await findSurplus(ledger, partitionId, columns, null)
    if (surplus === null) continue
    const { records, copies, versions, tokens, costUsd } = surplus
    findings.push({
      kind: 'duplicates',
      place: dayOf(partitionId),
      window: null,
      requests: copies + versions,
      tokens,
      costUsd,
      evidence: `request ids in usage more than once: ${records}; rows too many: ${copies} equal copies, ${versions} with other values`,
      cause: 'a pod inserted its WAL again, or an insert was tried again without its deduplication token',
      next: 'obleth-ledger repair --dry-run',
    })
  }
  return findings
}
