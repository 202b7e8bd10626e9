import { LedgerError } from '../domain/errors.js'
import { familyOf } from './engine-family.js'
import { literal } from './identifiers.js'
import type { Ledger } from './ledger.js'

/**
 * Removes rows of a partition of `usage` that equal another one in every column. Fires no view (DOMAIN 5.9). A merge that
 * the server could not begin is an error, not a silence. Throws `refused` where the rows are in tables of other servers.
 */
export async function deduplicate(ledger: Ledger, partitionId: string): Promise<void> {
  const [usage] = await ledger.rows<{ engine: string }>(
    `SELECT engine FROM system.tables WHERE database = ${literal(ledger.database)} AND name = 'usage'`,
  )
  if (familyOf(usage?.engine ?? '') === 'distributed')
    throw new LedgerError(
      'refused',
      'records are in `usage` more than once, and a Distributed table removes no copies',
      {
        place: `${ledger.location}, ${ledger.database}.usage, partition ${partitionId}`,
        hint: 'stop the pods that insert them, remove the copies in the tables behind it, then run the same command again',
      },
    )
  // The publish of an embedded ledger has stopped the merges of `usage`, and this is one.
  if (ledger.kind === 'embedded') await ledger.command(`SYSTEM START MERGES ${ledger.table('usage')}`)
  await ledger.command(
    `OPTIMIZE TABLE ${ledger.table('usage')} PARTITION ID ${literal(partitionId)} FINAL DEDUPLICATE
     ${ledger.settings({ optimize_throw_if_noop: 1 })}`,
  )
}
