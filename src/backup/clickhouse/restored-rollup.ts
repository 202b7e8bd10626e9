import type { ClickhouseRestoreOutcome } from '../../domain/clickhouse-restore.js'
import { readDrift, settledDrift } from '../../ledger/drift.js'
import { inspectTarget } from '../../ledger/inspect-target.js'
import type { Ledger } from '../../ledger/ledger.js'
import { rawPartitions } from '../../ledger/rollup-check.js'
import { rollupShape } from '../../ledger/rollup-shape.js'
import type { LedgerCounts } from './counts.js'

/** Groups in which rollup and raw rows differ; null where there is no rollup. Memory grows with the groups of one day. */
export async function driftingGroups(ledger: Ledger): Promise<number | null> {
  const shape = rollupShape(await inspectTarget(ledger))
  if (shape === null) return null
  let drifting = 0
  for (const partitionId of await rawPartitions(ledger)) {
    // Waited for only where there is something to wait for.
    const seen = await readDrift(ledger, shape, partitionId)
    if (seen.size > 0) drifting += (await settledDrift(ledger, shape, partitionId)).size
  }
  return drifting
}

/**
 * How the rollup stands once the restored tables are in place: a request that a pod inserted in the very moment may be in
 * one of them alone.
 */
export async function rollupAfter(ledger: Ledger, counts: LedgerCounts): Promise<ClickhouseRestoreOutcome['rollup']> {
  if (counts.drifting === null) return 'absent'
  const drifting = await driftingGroups(ledger)
  if (drifting !== counts.drifting) return 'mismatch'
  return drifting === 0 ? 'consistent' : 'as_in_backup'
}
