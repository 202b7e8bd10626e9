import type { ReconciliationSink } from '../domain/bill.js'
import { LedgerError } from '../domain/errors.js'
import type { BillOptions } from '../domain/options.js'
import { rollupShape } from '../ledger/rollup-shape.js'
import { withLedger } from '../ledger/with-ledger.js'
import { targetInfo } from '../pipeline/plan.js'
import { billPeriod } from './period.js'
import { rollupDifferences } from './rollup.js'
import { isSameDay, serverDaysWithin } from './server-days.js'

/**
 * The groups in which `usage` and `usage_daily` disagree, and their number.
 *
 * @throws LedgerError `refused` where there is no rollup, or where days of the bill are no days of the server
 */
export async function reconcile(options: BillOptions, sink: ReconciliationSink): Promise<number> {
  const period = billPeriod(options.period, options.timeZone)
  return await withLedger(options.target, async (ledger, state) => {
    const shape = rollupShape(state)
    const days = serverDaysWithin(period, state.timezone)
    if (shape === null || !period.days.every((own) => days.some((day) => isSameDay(own, day)))) {
      const why =
        shape === null ? 'there is no usage_daily' : `usage_daily has whole days of the zone ${state.timezone}`
      throw new LedgerError('refused', `the bill cannot be reconciled with the rollup: ${why}`, {
        place: ledger.location,
        hint: `ask for whole days of the server's zone: --period with --time-zone ${state.timezone}`,
      })
    }
    await sink.start(targetInfo(ledger, state), period)
    let differences = 0
    for await (const difference of rollupDifferences(ledger, shape, days, options.tenants)) {
      differences++
      await sink.difference(difference)
    }
    await sink.end(differences)
    return differences
  })
}
