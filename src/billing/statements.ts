import type { BillFinding, Completeness, LineItem, PodRequests, Statement } from '../domain/bill.js'
import { NOTHING, subtotals, sum } from './measures.js'
import type { Names } from './names.js'

/** One tenant's statement from its line items. */
export function statementOf(
  tenantId: string,
  items: readonly LineItem[],
  names: Names,
  whole: Completeness,
  pods: ReadonlyMap<string, readonly PodRequests[]> | null,
  digits: number,
): Statement {
  const ofClass = (name: LineItem['class']) => items.filter((item) => item.class === name)
  const billable = ofClass('billable')
  const total = sum(billable)
  const keyIds = new Set(items.map(({ keyId }) => keyId))
  return {
    tenant: names.tenants.get(tenantId) ?? { id: tenantId, name: null, organization: null, contactEmail: null },
    keyNames: new Map([...keyIds].flatMap((id) => (names.keys.has(id) ? [[id, names.keys.get(id) as string]] : []))),
    items,
    byKey: subtotals(billable, ({ keyId }) => keyId),
    byModel: subtotals(billable, ({ model }) => model),
    byRequestType: subtotals(billable, ({ requestType }) => requestType ?? 'unknown (from the rollup)'),
    byDay: subtotals(billable, ({ day }) => day),
    total,
    amountDue: total.cost.round(digits),
    apart: { healthProbe: sum(ofClass('health_probe')), benchmark: sum(ofClass('benchmark')) },
    completeness: touching(whole, tenantId, costless(tenantId, items)),
    pods: pods === null ? null : (pods.get(tenantId) ?? []),
  }
}

/** Findings about this tenant or about all of them. */
function touching(whole: Completeness, tenantId: string, own: readonly BillFinding[]): Completeness {
  const found = whole.findings.filter((finding) => finding.tenantId === null || finding.tenantId === tenantId)
  return completenessOf(whole.days, [...found, ...own])
}

/** Findings that nobody answers for. */
const open = (findings: readonly BillFinding[]): BillFinding[] => findings.filter(({ waiver }) => waiver === null)

export function completenessOf(days: number, findings: readonly BillFinding[]): Completeness {
  return { days, daysWithFindings: new Set(open(findings).map(({ day }) => day)).size, findings }
}

function costless(tenantId: string, items: readonly LineItem[]): BillFinding[] {
  return subtotals(items, ({ day }) => day)
    .filter((day) => day.costless > 0n)
    .map(({ of, costless: count }) => ({
      kind: 'cost_not_a_number',
      day: of,
      tenantId,
      waiver: null,
      detail: `${count} requests whose cost is NaN or infinite: they are counted and add nothing to the cost`,
    }))
}

/** The totals of a bill without statements. */
export const EMPTY_TOTALS = { statements: 0, total: NOTHING, apart: { healthProbe: NOTHING, benchmark: NOTHING } }
