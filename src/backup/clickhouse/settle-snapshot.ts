import { sameIntegers, zeroSums } from '../../domain/rollup.js'
import { readDrift, settledDrift } from '../../ledger/drift.js'
import type { TargetState } from '../../ledger/inspect-target.js'
import type { Ledger } from '../../ledger/ledger.js'
import { rawPartitions } from '../../ledger/rollup-check.js'
import { settleRollup, type WantedDrift } from '../../ledger/rollup-difference.js'
import { rollupShape } from '../../ledger/rollup-shape.js'

/**
 * Brings the rollup of a snapshot to the drift that the ledger itself has: a request that was inserted while the two tables
 * were taken stands in one of them alone. Without this, a replay into the restored ledger would take it for a row that was
 * lost or came past the view. By differences, group by group, as a replay does it.
 */
export async function settleSnapshot(
  ledger: Ledger,
  snapshot: Ledger,
  state: TargetState,
  spoolDir: string,
): Promise<{ drifting: number | null; settled: number }> {
  const shape = rollupShape(state)
  if (shape === null) return { drifting: null, settled: 0 }
  let [drifting, settled] = [0, 0]
  for (const partitionId of await rawPartitions(snapshot)) {
    const here = await readDrift(snapshot, shape, partitionId)
    if (here.size === 0) continue
    const there = await settledDrift(ledger, shape, partitionId)
    const wanted = new Map<string, WantedDrift>()
    for (const [key, { group, drift }] of here) {
      const remain = there.get(key)?.drift ?? zeroSums(drift)
      if (!sameIntegers(drift, remain)) wanted.set(key, { ...group, remain })
    }
    settled += wanted.size
    if (wanted.size > 0) await settleRollup(snapshot, spoolDir, shape, partitionId, wanted)
    drifting += (await readDrift(snapshot, shape, partitionId)).size
  }
  return { drifting, settled }
}
