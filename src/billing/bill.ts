import type { BillHeader, BillPeriod, BillSink, BillSummary, LineItem } from '../domain/bill.js'
import { Money } from '../domain/money.js'
import type { BillOptions } from '../domain/options.js'
import type { UsageState } from '../ledger/inspect-target.js'
import type { Ledger } from '../ledger/ledger.js'
import { rollupShape } from '../ledger/rollup-shape.js'
import { withLedger } from '../ledger/with-ledger.js'
import { targetInfo } from '../pipeline/plan.js'
import { checkCompleteness } from './completeness.js'
import { add } from './measures.js'
import { type Names, NO_NAMES, namesFromBackup } from './names.js'
import { billPeriod } from './period.js'
import { readItems } from './read-items.js'
import { rollupDays } from './rollup-days.js'
import { daysInSilence } from './silences.js'
import { completenessOf, EMPTY_TOTALS, statementOf } from './statements.js'
import type { WalSides } from './wal-sides.js'

/** Compares an open ledger with WAL files, for the days of a bill. */
export type Compare = (ledger: Ledger, usage: UsageState, period: BillPeriod) => Promise<WalSides>

/**
 * Bills the period, a statement for each tenant with traffic in the order of tenant ids, to a sink. Changes nothing.
 * One statement is in memory at a time. `compare`: null where no WAL files are named.
 *
 * @throws LedgerError `usage`, `source_not_found` where the target has no ledger, and those of connection and names
 */
export async function bill(
  options: BillOptions,
  sink: BillSink,
  nowMs: number,
  compare: Compare | null,
): Promise<BillSummary> {
  const period = billPeriod(options.period, options.timeZone)
  const names = await readNames(options)
  return await withLedger(options.target, async (ledger, state, usage) => {
    const shape = rollupShape(state)
    const rollup = shape === null ? null : { shape, days: await rollupDays(ledger, shape, period, state.timezone) }
    const silences = await daysInSilence(ledger, usage, period.days, options, nowMs)
    const alone = await checkCompleteness(ledger, period, rollup, silences, options.tenants, nowMs)
    const wal = compare === null ? null : await compare(ledger, usage, period)
    const completeness = wal === null ? alone : completenessOf(alone.days, [...alone.findings, ...wal.findings])
    const header: BillHeader = { target: targetInfo(ledger, state), period, digits: options.digits, completeness }
    await sink.start(header)
    let summary: BillSummary = { ...EMPTY_TOTALS, amountDue: Money.zero.round(options.digits), completeness }
    const items = readItems(ledger, {
      period,
      tenants: options.tenants,
      missing: usage.columns.missing,
      fromRollup: rollup?.days.billed ?? [],
      measures: state.rollup?.measures ?? [],
    })
    for await (const [tenantId, own] of byTenant(items)) {
      const statement = statementOf(tenantId, own, names, completeness, wal?.pods ?? null, options.digits)
      const { total, amountDue, apart } = statement
      summary = {
        statements: summary.statements + 1,
        total: add(summary.total, total),
        amountDue: summary.amountDue.plus(amountDue),
        apart: {
          healthProbe: add(summary.apart.healthProbe, apart.healthProbe),
          benchmark: add(summary.apart.benchmark, apart.benchmark),
        },
        completeness: completenessOf(completeness.days, [
          ...summary.completeness.findings,
          ...statement.completeness.findings.filter(({ kind }) => kind === 'cost_not_a_number'),
        ]),
      }
      await sink.statement(statement)
    }
    await sink.end(summary)
    return summary
  })
}

async function readNames({ configBackup, postgresUrl }: BillOptions): Promise<Names> {
  if (configBackup !== undefined) return namesFromBackup(configBackup)
  if (postgresUrl === undefined) return NO_NAMES
  return (await import('./postgres-names.js')).namesFromPostgres(postgresUrl)
}

/** Items that follow each other and are of one tenant, together. */
async function* byTenant(
  items: AsyncIterable<{ tenantId: string; item: LineItem }>,
): AsyncIterable<[string, readonly LineItem[]]> {
  let tenant: string | undefined
  let own: LineItem[] = []
  for await (const { tenantId, item } of items) {
    if (tenant !== undefined && tenant !== tenantId) {
      yield [tenant, own]
      own = []
    }
    tenant = tenantId
    own.push(item)
  }
  if (tenant !== undefined) yield [tenant, own]
}
