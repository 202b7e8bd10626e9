import type { RollupStatus } from '../domain/document.js'
import { printable } from '../domain/printable.js'
import type { Warning } from '../domain/wal.js'
import type { DriftingGroup } from '../ledger/rollup-check.js'

/** So many groups are named one by one. */
const NAMED = 20

/** What the comparison of rollup and raw table means for the run. */
export function rollupReport(
  drifting: readonly DriftingGroup[],
  raised: number,
): { status: RollupStatus; warnings: Warning[] } {
  const warnings: Warning[] = []
  if (raised > 0)
    warnings.push({
      class: 'rollup_raised',
      message: `${raised} groups of usage_daily were raised to usage`,
      count: raised,
    })
  if (drifting.length === 0) return { status: raised > 0 ? 'repaired' : 'consistent', warnings }
  for (const group of drifting.slice(0, NAMED)) warnings.push({ class: classOf(group), message: sentence(group) })
  if (drifting.length > NAMED)
    warnings.push({
      class: 'rollup_mismatch',
      message: `and ${drifting.length - NAMED} more groups`,
      count: drifting.length - NAMED,
    })
  return { status: 'mismatch', warnings }
}

function classOf({ left }: DriftingGroup): string {
  return left?.decision === 'assumed' ? 'rollup_assumed' : 'rollup_mismatch'
}

function sentence({ day, tenant, key, model, drift, left }: DriftingGroup): string {
  const group = `${day}, tenant ${tenant}, key ${key}, model ${printable(model)}`
  const requests = drift.integers[0]
  const differs =
    requests === 0n
      ? 'usage_daily has other sums than usage'
      : `usage_daily counts ${requests > 0n ? requests : -requests} requests ${requests > 0n ? 'more' : 'fewer'} than usage`
  return `${group}: ${differs}${reason(left, requests)}`
}

function reason(left: DriftingGroup['left'], requests: bigint): string {
  if (left?.decision === 'assumed')
    return (
      `; raw rows were lost that no file holds, so acknowledged records were taken as counted (run ${left.run}): ` +
      `the rollup is too low by at most ${left.lowRequests} requests, too high by at most ${left.highRequests}`
    )
  if (left !== null) return `; run ${left.run} could not explain it (${left.decision}) and left the rollup alone`
  return requests < 0n ? '; --repair-rollup raises it' : '; raw rows were lost, or counted twice'
}
