import type { BillDay, BillFinding, BillPeriod } from '../domain/bill.js'
import type { Ledger } from '../ledger/ledger.js'
import type { RollupShape } from '../ledger/rollup-shape.js'
import { rollupOnlyDays } from './rollup.js'
import { isSameDay, serverDaysWithin } from './server-days.js'

/** How the days of the rollup lie in the period. */
export interface RollupDays {
  /** Days of the server that lie wholly in the period, in their order. */
  readonly server: readonly BillDay[]
  /** Those of them that `usage` has no row of. */
  readonly only: ReadonlySet<string>
  /** Those that are billed from the rollup: they are days of the bill, start to end. */
  readonly billed: readonly BillDay[]
  readonly findings: readonly BillFinding[]
}

/** Looks which days can only come from the rollup, and which of them the bill can take. */
export async function rollupDays(
  ledger: Ledger,
  shape: RollupShape,
  period: BillPeriod,
  serverZone: string,
): Promise<RollupDays> {
  const server = serverDaysWithin(period, serverZone)
  const only = await rollupOnlyDays(ledger, shape, server)
  const gone = server.filter(({ day }) => only.has(day))
  const billed = gone.filter((day) => period.days.some((own) => isSameDay(own, day)))
  return { server, only, billed, findings: gone.map((day) => findingOf(day, billed.includes(day), serverZone)) }
}

function findingOf({ day }: BillDay, billed: boolean, serverZone: string): BillFinding {
  return billed
    ? {
        kind: 'approximate',
        day,
        tenantId: null,
        waiver: null,
        detail: 'the raw rows are gone: billed from usage_daily, cost approximate',
      }
    : {
        kind: 'raw_rows_gone',
        day,
        tenantId: null,
        waiver: null,
        detail: `the raw rows are gone and this day of usage_daily (zone ${serverZone}) is no day of the bill: left out`,
      }
}
