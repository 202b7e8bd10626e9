import { literal } from './identifiers.js'
import type { Ledger } from './ledger.js'
import { portion, portionsFor } from './run-tables.js'
import type { StagedPartition, Staging } from './staging.js'

/** A partition of staging as it was verified. */
export type VerifiedPartition = Pick<StagedPartition, 'partitionId' | 'rows'>

/** Records of a partition that were verified in staging and are neither there nor known to the ledger any more. */
export interface LostRows {
  readonly partitionId: string
  readonly rows: number
}

/**
 * What staging has lost of a partition that is not published yet, by a crash of its server or by somebody's hand: each
 * record that was verified must be left there, or be among those that the anti-join took out. `left`: rows there now.
 */
export async function lostRows(
  ledger: Ledger,
  staging: Staging,
  { partitionId, rows: verified }: VerifiedPartition,
  left: number,
): Promise<LostRows | null> {
  if (left >= verified) return null
  const portions = portionsFor(verified)
  let rows = verified - left
  for (let i = 0; i < portions; i++) {
    const [{ removed }] = await ledger.rows<{ removed: string }>(
      `SELECT uniqExact(request_id) AS removed FROM ${ledger.table(staging.knownTableName)}
       WHERE partition_id = ${literal(partitionId)} AND ${portion(i, portions)}`,
    )
    rows -= Number(removed)
  }
  return rows > 0 ? { partitionId, rows } : null
}
