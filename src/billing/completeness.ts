import type { BillDay, BillFinding, BillPeriod, Completeness } from '../domain/bill.js'
import type { Ledger } from '../ledger/ledger.js'
import type { RollupShape } from '../ledger/rollup-shape.js'
import { dayMs, dayOfStart } from './day-sql.js'
import { andOfTenants } from './of-tenants.js'
import { rollupDifferences } from './rollup.js'
import type { RollupDays } from './rollup-days.js'
import type { DaysInSilence } from './silences.js'
import { completenessOf } from './statements.js'

/**
 * What the ledger alone says about the period: days without any request and improbable silences, requests that stand in it twice, groups in
 * which the rollup disagrees, days whose raw rows are gone. Days that lie ahead are left out.
 */
export async function checkCompleteness(
  ledger: Ledger,
  period: BillPeriod,
  rollup: { readonly shape: RollupShape; readonly days: RollupDays } | null,
  silences: DaysInSilence,
  tenants: readonly string[],
  nowMs: number,
): Promise<Completeness> {
  const past = period.days.filter(({ fromMs }) => fromMs < nowMs)
  const findings: BillFinding[] =
    rollup === null ? [...silences.findings] : [...rollup.days.findings, ...silences.findings]
  // Said already, or no wonder.
  const told = new Set([...findings.map(({ day }) => day), ...silences.quiet])
  const requests = await requestsByDay(ledger, past)
  for (const { day } of past) if (!requests.has(day) && !told.has(day)) findings.push(noTraffic(day))
  for (const days of portions(past, requests)) findings.push(...(await duplicates(ledger, days, tenants)))
  if (rollup !== null) findings.push(...(await drift(ledger, rollup, tenants)))
  return completenessOf(past.length, findings.sort(byDay))
}

/** Rows of days that follow each other. */
const within = (ledger: Ledger, days: readonly BillDay[]) =>
  `${ledger.table('usage')} WHERE ts_ms >= ${days[0].fromMs} AND ts_ms < ${days[days.length - 1].toMs}`

/** Requests of all tenants on each day that has any. */
async function requestsByDay(ledger: Ledger, days: readonly BillDay[]): Promise<Map<string, number>> {
  if (days.length === 0) return new Map()
  const dayOf = dayOfStart(days)
  const rows = await ledger.rows<{ start: string; requests: string }>(
    `SELECT toString(${dayMs(days)}) AS start, toString(count()) AS requests FROM ${within(ledger, days)} GROUP BY start`,
  )
  return new Map(rows.map(({ start, requests }) => [dayOf.get(start) ?? '', Number(requests)]))
}

/** Ids of so many requests are compared at once: some hundred MiB on the target. */
const ROWS_AT_ONCE = 2_000_000

/** Days that follow each other, as many together as stay below the limit. */
function* portions(days: readonly BillDay[], requests: ReadonlyMap<string, number>): Iterable<readonly BillDay[]> {
  let portion: BillDay[] = []
  let rows = 0
  for (const day of days) {
    const more = requests.get(day.day) ?? 0
    if (portion.length > 0 && rows + more > ROWS_AT_ONCE) {
      yield portion
      portion = []
      rows = 0
    }
    portion.push(day)
    rows += more
  }
  if (rows > 0) yield portion
}

/** Rows above one for each request id of a day. */
async function duplicates(
  ledger: Ledger,
  days: readonly BillDay[],
  tenants: readonly string[],
): Promise<BillFinding[]> {
  const dayOf = dayOfStart(days)
  const rows = await ledger.rows<{ start: string; tenantId: string; more: string }>(
    `SELECT toString(start) AS start, toString(tenant) AS tenantId, toString(sum(n - 1)) AS more FROM
       (SELECT ${dayMs(days)} AS start, any(tenant_id) AS tenant, count() AS n
        FROM ${within(ledger, days)}${andOfTenants(tenants)} GROUP BY start, request_id HAVING n > 1)
     GROUP BY start, tenant ORDER BY start, tenantId`,
  )
  return rows.map(({ start, tenantId, more }) => ({
    kind: 'duplicates',
    day: dayOf.get(start) ?? '',
    tenantId,
    waiver: null,
    detail: `${more} rows more than requests: they are billed more than once until \`obleth-ledger repair\` removes them`,
  }))
}

const noTraffic = (day: string): BillFinding => ({
  kind: 'no_traffic',
  day,
  tenantId: null,
  waiver: null,
  detail: 'no request of any tenant: a quiet day, or one that was lost',
})

/** One finding for each day and tenant, with the net difference of requests and what the first group tells. */
async function drift(
  ledger: Ledger,
  { shape, days }: { readonly shape: RollupShape; readonly days: RollupDays },
  tenants: readonly string[],
): Promise<BillFinding[]> {
  const found = new Map<string, { day: string; tenantId: string; groups: number; missing: bigint; first: string }>()
  for await (const difference of rollupDifferences(ledger, shape, days.server, tenants)) {
    const { day, tenantId, requests, explanation } = difference
    if (days.only.has(day)) continue
    const key = day + tenantId
    const entry = found.get(key) ?? { day, tenantId, groups: 0, missing: 0n, first: explanation }
    entry.groups++
    entry.missing += requests.rollup - requests.raw
    found.set(key, entry)
  }
  return [...found.values()].map(({ day, tenantId, groups, missing, first }) => ({
    kind: 'rollup_drift',
    day,
    tenantId,
    waiver: null,
    detail: `usage_daily has ${missing >= 0n ? `${missing} more` : `${-missing} fewer`} requests than usage, ${groups} ${groups === 1 ? 'group differs' : 'groups differ'}: ${first}`,
  }))
}

const byDay = (a: BillFinding, b: BillFinding): number => (a.day < b.day ? -1 : a.day > b.day ? 1 : 0)
