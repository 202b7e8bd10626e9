import { LedgerError } from '../domain/errors.js'
import type { ReplayOptions } from '../domain/options.js'
import { DAY_MS } from '../domain/record.js'
import type { Warning } from '../domain/wal.js'
import type { TargetState } from '../ledger/inspect-target.js'
import type { Ledger } from '../ledger/ledger.js'
import { countStagedBefore } from '../ledger/staged-counts.js'
import type { Staging } from '../ledger/staging.js'

export interface AgeCheck {
  readonly options: Pick<ReplayOptions, 'expired' | 'retentionDays'>
  readonly ledger: Ledger
  readonly staging: Staging
  readonly target: TargetState
  /** Publishing had begun before: a refusal would come too late. */
  readonly begun: boolean
}

/** Staged records that would not last in `usage`. Throws `refused` for those that its TTL would take, where so asked. */
export async function checkAges({ options, ledger, staging, target, begun }: AgeCheck): Promise<Warning[]> {
  const warnings: Warning[] = []
  const cutoff = target.usage?.ttl?.cutoffMs
  if (typeof cutoff === 'number' && options.expired !== 'skip' && !begun) {
    const count = await countStagedBefore(ledger, staging, cutoff)
    if (count > 0 && options.expired === 'refuse')
      throw new LedgerError(
        'refused',
        `${count} records are older than the TTL of \`usage\`, which would delete them again`,
        {
          place: `${ledger.database}.usage, TTL ${target.usage?.ttl?.expression ?? ''}`,
          hint: 'leave them out with --expired skip, load them with --expired include, or lengthen the TTL first',
        },
      )
    if (count > 0)
      warnings.push({
        class: 'expired',
        message: 'records older than the TTL of `usage`, which will delete them again',
        count,
      })
  }
  if (ledger.kind === 'server') {
    const count = await countStagedBefore(ledger, staging, Date.now() - options.retentionDays * DAY_MS)
    if (count > 0)
      warnings.push({
        class: 'beyond_retention',
        message: `records older than obleth's retention of ${options.retentionDays} days: obleth drops their days from usage within the hour, usage_daily keeps them`,
        count,
      })
  }
  return warnings
}
