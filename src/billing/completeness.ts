import type { BillFinding, BillPeriod, Completeness } from '../domain/bill.js'
import type { Ledger } from '../ledger/ledger.js'
import type { RollupShape } from '../ledger/rollup-shape.js'
import { andOfTenants } from './of-tenants.js'
import { rollupDifferences } from './rollup.js'
import type { RollupDays } from './rollup-days.js'
import { completenessOf } from './statements.js'

/**
 * What the ledger alone says about the period: days without any request, requests that stand in it twice, groups in
 * which the rollup disagrees, days whose raw rows are gone. Days that lie ahead are left out.
 */
export async function checkCompleteness(
  ledger: Ledger,
  period: BillPeriod,
  rollup: { readonly shape: RollupShape; readonly days: RollupDays } | null,
  tenants: readonly string[],
  nowMs: number,
): Promise<Completeness> {
  const past = period.days.filter(({ fromMs }) => fromMs < nowMs)
  const findings: BillFinding[] = rollup === null ? [] : [...rollup.days.findings]
  const gone = new Set(findings.map(({ day }) => day))
  for (const { day, fromMs, toMs } of past) {
    const { requests, extra } = await look(ledger, fromMs, toMs, tenants)
    if (requests === 0n && !gone.has(day)) findings.push(noTraffic(day))
    findings.push(...extra.map(({ tenant, rows }) => duplicates(day, tenant, rows)))
  }
  if (rollup !== null) findings.push(...(await drift(ledger, rollup, tenants)))
  return completenessOf(past.length, findings.sort(byDay))
}

interface Extra {
  readonly tenant: string
  readonly rows: string
}

/** Requests of a day of all tenants, and rows above one for each request id. A day at a time: its ids fit the target's memory. */
async function look(ledger: Ledger, fromMs: number, toMs: number, tenants: readonly string[]) {
  const usage = `${ledger.table('usage')} WHERE ts_ms >= ${fromMs} AND ts_ms < ${toMs}`
  const [{ requests }] = await ledger.rows<{ requests: string }>(`SELECT toString(count()) AS requests FROM ${usage}`)
  const extra = await ledger.rows<Extra>(
    `SELECT toString(tenant) AS tenant, toString(sum(n - 1)) AS rows FROM
       (SELECT any(tenant_id) AS tenant, count() AS n FROM ${usage}${andOfTenants(tenants)} GROUP BY request_id HAVING n > 1)
     GROUP BY tenant ORDER BY tenant`,
  )
  return { requests: BigInt(requests), extra }
}

const noTraffic = (day: string): BillFinding => ({
  kind: 'no_traffic',
  day,
  tenantId: null,
  detail: 'no request of any tenant: a quiet day, or one that was lost',
})

const duplicates = (day: string, tenantId: string, rows: string): BillFinding => ({
  kind: 'duplicates',
  day,
  tenantId,
  detail: `${rows} rows more than requests: they are billed more than once until they are removed`,
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
    detail: `usage_daily has ${missing >= 0n ? `${missing} more` : `${-missing} fewer`} requests than usage, ${groups} ${groups === 1 ? 'group differs' : 'groups differ'}: ${first}`,
  }))
}

const byDay = (a: BillFinding, b: BillFinding): number => (a.day < b.day ? -1 : a.day > b.day ? 1 : 0)
