import { literal } from './identifiers.js'
import type { Ledger } from './ledger.js'

/**
 * Removes rows of a partition of `usage` that equal another one in every column. Fires no view (DOMAIN 5.9). A merge that
 * the server could not begin is an error, not a silence.
 */
export async function deduplicate(ledger: Ledger, partitionId: string): Promise<void> {
  // The publish of an embedded ledger has stopped the merges of `usage`, and this is one.
  if (ledger.kind === 'embedded') await ledger.command(`SYSTEM START MERGES ${ledger.table('usage')}`)
  await ledger.command(
    `OPTIMIZE TABLE ${ledger.table('usage')} PARTITION ID ${literal(partitionId)} FINAL DEDUPLICATE
     ${ledger.settings({ optimize_throw_if_noop: 1 })}`,
  )
}
