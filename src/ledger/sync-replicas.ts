import type { TargetState } from './inspect-target.js'
import type { Ledger } from './ledger.js'

/**
 * Waits until this server has all rows of `usage` and `usage_daily` that other replicas have by now. A replica that lags
 * behind would have records inserted again that are in the ledger, and a rollup corrected by sums that are not its own.
 * Does nothing where the tables have no replicas. Source: SYSTEM SYNC REPLICA in ClickHouse's documentation (23.4 and
 * newer; also what it names for consistent reads of Shared tables).
 */
export async function syncReplicas(ledger: Ledger, { usage, rollup }: TargetState): Promise<void> {
  for (const [name, engine] of [
    ['usage', usage?.engine],
    ['usage_daily', rollup?.engine],
  ] as const) {
    if (!/^(Replicated|Shared)/.test(engine ?? '')) continue
    await ledger.command(`SYSTEM SYNC REPLICA ${ledger.table(name)} LIGHTWEIGHT`)
  }
}
