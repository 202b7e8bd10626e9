import type { BillFinding } from '../domain/bill.js'
import { DAY_MS } from '../domain/record.js'

/** A finding as it is told: of one day, or of a run of days that have the same to say. */
export interface ToldFinding extends Omit<BillFinding, 'day'> {
  /** `2025-06-01`, or `2025-06-01 to 2025-06-14`. */
  readonly days: string
}

/** Findings that follow each other day by day and say the same, told once. Expects them in the order of days. */
export function joinFindings(findings: readonly BillFinding[]): ToldFinding[] {
  const told: { finding: BillFinding; last: string }[] = []
  for (const finding of findings) {
    const before = told.at(-1)
    if (before !== undefined && dayAfter(before.last) === finding.day && same(before.finding, finding))
      before.last = finding.day
    else told.push({ finding, last: finding.day })
  }
  return told.map(({ finding: { day, ...rest }, last }) => ({
    ...rest,
    days: day === last ? day : `${day} to ${last}`,
  }))
}

const same = (a: BillFinding, b: BillFinding): boolean =>
  a.kind === b.kind && a.tenantId === b.tenantId && a.detail === b.detail && a.waiver === b.waiver

const dayAfter = (day: string): string => new Date(Date.parse(day) + DAY_MS).toISOString().slice(0, 10)

/** A subtotal's name as it is shown: old releases of the gateway wrote no request type. */
export const shownName = (of: string): string => (of === '' ? '(none)' : of)
