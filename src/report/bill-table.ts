import type { BillSink, Completeness, Measures, Statement, Subtotal } from '../domain/bill.js'
import { printable } from '../domain/printable.js'
import { aligned } from './amounts.js'
import { joinFindings, shownName } from './bill-findings.js'
import { moment, plural } from './format.js'
import { describeTarget } from './plan.js'
import type { Style } from './style.js'
import { type Column, renderTable } from './table.js'
import type { Write } from './write.js'

const SHOWN_ROWS = 40

const big = (n: bigint): string => n.toLocaleString('en-US')

function subtotalTable(head: string, rows: readonly Subtotal[], total: Measures, style: Style, most: number): string[] {
  const money = aligned([...rows.map(({ cost }) => cost), total.cost])
  const columns: Column<Subtotal>[] = [
    { head, align: 'left', cell: ({ of }) => shownName(of) },
    { head: 'requests', align: 'right', cell: ({ requests }) => big(requests) },
    { head: 'successes', align: 'right', cell: ({ successes }) => big(successes) },
    { head: 'errors', align: 'right', cell: ({ errors }) => big(errors) },
    { head: 'tokens in', align: 'right', cell: ({ inputTokens }) => big(inputTokens) },
    { head: 'tokens out', align: 'right', cell: ({ outputTokens }) => big(outputTokens) },
    { head: 'cache hits', align: 'right', cell: ({ cacheHits }) => big(cacheHits) },
    { head: 'cost USD', align: 'right', cell: ({ cost }) => money(cost) },
  ]
  return renderTable(columns, rows, style, most)
}

/** Statements for people to read. `all`: every row of each table. */
export function tableBill(style: Style, all: boolean, write: Write): BillSink {
  const most = all ? Number.POSITIVE_INFINITY : SHOWN_ROWS
  let digits = 0
  return {
    start: async ({ target, period, digits: asked, completeness }) => {
      digits = asked
      const first = period.days[0]?.day ?? ''
      const last = period.days.at(-1)?.day ?? ''
      const lines = [
        `${style.bold(`Bill  ${first} to ${last}`)}  ${printable(period.timeZone)} (${moment(period.fromMs)} to ${moment(period.toMs)})`,
        `ledger  ${describeTarget(target)}`,
        ...completenessLines(completeness, style, all),
      ]
      await write(`${lines.join('\n')}\n`)
    },
    statement: (statement) => write(`\n${statementLines(statement, style, most).join('\n')}\n`),
    end: async ({ statements, total, amountDue, apart }) => {
      const rule = `exact cost rounded once per statement to ${plural(digits, 'digit')}, halves away from zero; of all: their sum`
      const lines = [
        `${style.bold(`All  ${plural(statements, 'statement')}`)}  ${big(total.requests)} requests, exactly ${total.cost} USD, due ${amountDue.toFixed()} USD`,
        ...apartLines(apart),
        style.dim(`amount due: ${rule}`),
      ]
      await write(`\n${lines.join('\n')}\n`)
    },
  }
}

function statementLines(statement: Statement, style: Style, most: number): string[] {
  const { tenant, total, amountDue, keyNames } = statement
  const keys = statement.byKey.map(({ of, ...measures }) => {
    const name = keyNames.get(of)
    return { of: name === undefined ? of : `${name} (${of})`, ...measures }
  })
  const who = [tenant.organization, tenant.contactEmail].filter((part) => part !== null).map(printable)
  const table = (head: string, rows: readonly Subtotal[]) =>
    rows.length === 0 ? [] : ['', ...subtotalTable(head, rows, total, style, most)]
  return [
    `${style.bold(printable(tenant.name ?? tenant.id))}${tenant.name === null ? '' : `  ${tenant.id}`}${who.length === 0 ? '' : `  ${who.join(', ')}`}`,
    `  due ${style.bold(`${amountDue.toFixed()} USD`)}  exactly ${total.cost} USD for ${big(total.requests)} requests`,
    ...apartLines(statement.apart),
    ...completenessLines(statement.completeness, style, false).map((line) => `  ${line}`),
    ...podLines(statement),
    ...table('key', keys),
    ...table('model', statement.byModel),
    ...table('request type', statement.byRequestType),
    ...table('day', statement.byDay),
  ]
}

function apartLines({ healthProbe, benchmark }: Statement['apart']): string[] {
  const line = (what: string, { requests, cost }: Measures) =>
    requests === 0n ? [] : [`  apart, not billed: ${big(requests)} ${what}, ${cost} USD`]
  return [...line('health probes', healthProbe), ...line('benchmark requests', benchmark)]
}

function podLines({ pods }: Statement): string[] {
  if (pods === null) return []
  const from = pods
    .slice(0, SHOWN_PODS)
    .map(({ pod, requests }) => `${printable(pod)} ${requests.toLocaleString('en-US')}`)
  const left = pods.length - from.length
  return [
    `  requests found in WAL files  ${from.length === 0 ? 'none' : from.join(', ')}${left > 0 ? ` and ${left} pods more` : ''}`,
  ]
}

const SHOWN_PODS = 8
const SHOWN_FINDINGS = 10

function completenessLines({ days, daysWithFindings, findings }: Completeness, style: Style, all: boolean): string[] {
  if (findings.length === 0) return [`complete  ${plural(days, 'day')} without findings`]
  const told = joinFindings(findings)
  const shown = all ? told : told.slice(0, SHOWN_FINDINGS)
  const left = told.length - shown.length
  return [
    style.warn(`findings  on ${daysWithFindings} of ${plural(days, 'day')}`),
    ...shown.map(
      ({ kind, days, detail, waiver }) =>
        `  ${days}  ${kind}: ${printable(detail)}${waiver === null ? '' : `; waived: ${printable(waiver)}`}`,
    ),
    ...(left === 0 ? [] : [style.dim(`  … ${left} more; --verbose prints them all`)]),
  ]
}
