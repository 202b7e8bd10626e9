import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import type { BillHeader, BillSink, Completeness, Measures, Statement } from '../domain/bill.js'
import { Money } from '../domain/money.js'
import { printable } from '../domain/printable.js'
import { writeError } from '../domain/write-error.js'
import { aligned } from './amounts.js'
import { costChart } from './bill-chart.js'
import { joinFindings, shownName } from './bill-findings.js'
import { type Cell, htmlPage, htmlTable, number, text } from './page.js'

/**
 * Writes `index.html` and a page for each tenant into a directory, which is made where it does not exist. The files are
 * for their owner alone (0600): they hold what customers owe.
 */
export function htmlBill(directory: string): BillSink {
  const rows: Cell[][] = []
  const perDay = new Map<string, Money>()
  let header: BillHeader | undefined
  const write = async (name: string, page: string) => {
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      await writeFileAtomic(join(directory, name), page, { mode: 0o600 })
    } catch (error) {
      throw writeError('a page of the bill', join(directory, name), error, 'name another directory with --report')
    }
  }
  return {
    start: (given) => {
      header = given
      for (const { day } of given.period.days) perDay.set(day, Money.zero)
    },
    statement: async (statement) => {
      if (header === undefined) return
      for (const { of, cost } of statement.byDay) perDay.set(of, (perDay.get(of) ?? Money.zero).plus(cost))
      const file = `tenant-${statement.tenant.id}.html`
      rows.push([
        { html: `<a href="${file}">${text(nameOf(statement))}</a>` },
        { html: statement.amountDue.toFixed(), right: true },
        { html: statement.total.cost.toString(), right: true },
        number(statement.total.requests),
        { html: String(statement.completeness.daysWithFindings), right: true },
      ])
      await write(file, statementPage(header, statement))
    },
    end: async ({ statements, total, amountDue, apart, completeness }) => {
      if (header === undefined) return
      const heads = ['Tenant', 'Due USD', 'Exact cost USD', 'Requests', 'Days with findings']
      const page = htmlPage(`Bill ${periodOf(header)}`, [
        `<p class="sub">${text(zoneOf(header))}</p>`,
        due(amountDue, total, `${statements} statements`),
        apartHtml(apart),
        findingsHtml(completeness),
        chart(header, (day) => perDay.get(day)),
        htmlTable('Tenants', heads, rows),
        footer(header),
      ])
      await write('index.html', page)
    },
  }
}

function statementPage(header: BillHeader, statement: Statement): string {
  const { tenant, keyNames, total, amountDue, apart, completeness } = statement
  const who = [tenant.organization, tenant.contactEmail, tenant.name === null ? null : tenant.id]
  const byDay = new Map(statement.byDay.map(({ of, cost }) => [of, cost]))
  const table = (head: string, list: Statement['byKey'], label = (of: string) => of) => {
    const money = aligned(list.map(({ cost }) => cost))
    const rows = list.map((sum) => [{ html: text(shownName(label(sum.of))) }, ...cells(sum, money)])
    return htmlTable(`By ${head.toLowerCase()}`, [head, ...MEASURE_HEADS], rows)
  }
  return htmlPage(nameOf(statement), [
    `<p class="sub">${text(`Statement ${periodOf(header)}, ${zoneOf(header)}`)}</p>`,
    `<p class="sub">${text(who.filter((part) => part !== null).join(' · '))}</p>`,
    due(amountDue, total, ''),
    apartHtml(apart),
    findingsHtml(completeness),
    chart(header, (day) => byDay.get(day)),
    table('Key', statement.byKey, (id) => keyNames.get(id) ?? id),
    table('Model', statement.byModel),
    table('Request type', statement.byRequestType),
    table('Day', statement.byDay),
    podsHtml(statement),
    footer(header),
    '<p class="foot"><a href="index.html">All tenants</a></p>',
  ])
}

const MEASURE_HEADS = ['Cost USD', 'Requests', 'Successes', 'Errors', 'Tokens in', 'Tokens out', 'Cache hits']

const cells = (m: Measures, money: (amount: Money) => string): Cell[] => [
  { html: money(m.cost), right: true },
  ...[m.requests, m.successes, m.errors, m.inputTokens, m.outputTokens, m.cacheHits].map(number),
]

const nameOf = ({ tenant }: Statement): string => tenant.name ?? tenant.id

const periodOf = ({ period: { days } }: BillHeader): string => `${days[0]?.day ?? ''} to ${days.at(-1)?.day ?? ''}`

const zoneOf = ({ period: { timeZone, days } }: BillHeader): string =>
  `${days.length} days in the time zone ${timeZone}`

function due(amountDue: Money, { requests, cost }: Measures, more: string): string {
  const facts = [`exactly ${cost} USD`, `${requests.toLocaleString('en-US')} requests`, ...(more === '' ? [] : [more])]
  return `<p class="due">${amountDue.toFixed()} USD</p><p class="sub">${text(facts.join(' · '))}</p>`
}

function apartHtml({ healthProbe, benchmark }: Statement['apart']): string {
  const line = (what: string, { requests, cost }: Measures) =>
    requests === 0n
      ? ''
      : `<p class="sub">Apart, not billed: ${requests.toLocaleString('en-US')} ${what}, ${cost} USD</p>`
  return line('health probes', healthProbe) + line('benchmark requests', benchmark)
}

function findingsHtml({ days, daysWithFindings, findings }: Completeness): string {
  if (findings.length === 0) return `<p class="ok">Complete: ${days} days without findings</p>`
  const lines = joinFindings(findings).map(
    ({ days: when, kind, detail, waiver }) =>
      `<li><b>${when}</b> ${text(kind.replaceAll('_', ' '))}: ${text(detail)}${waiver === null ? '' : `; waived: ${text(waiver)}`}</li>`,
  )
  return `<div class="findings"><p>Findings on ${daysWithFindings} of ${days} days</p><ul>${lines.join('\n')}</ul></div>`
}

function podsHtml({ pods }: Statement): string {
  const rows = (pods ?? []).map(({ pod, requests }) => [{ html: text(printable(pod)) }, number(BigInt(requests))])
  return htmlTable('Requests found in WAL files', ['Pod', 'Requests'], rows)
}

function chart({ period }: BillHeader, of: (day: string) => Money | undefined): string {
  const days = period.days.map(({ day }) => ({ day, usd: of(day)?.approximately() ?? 0 }))
  return `<h2>Cost per day</h2><div class="wide">${costChart(days)}</div>`
}

const footer = ({ digits }: BillHeader): string =>
  `<p class="foot">Costs are exact sums of each request's cost. Only the amount due is rounded, once per statement, to ${digits} digits, halves away from zero.</p>`
