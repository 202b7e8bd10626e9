import type { TargetInfo } from './document.js'
import type { Money } from './money.js'
import { BENCHMARK_REQUEST_TYPE } from './record.js'

/** What is billed, and the traffic that is shown apart from it. */
export type BillingClass = 'billable' | 'health_probe' | 'benchmark'

const HEALTH_PROBE_REQUEST_TYPE = 'health_probe'
const NIL_TENANT = '00000000-0000-0000-0000-000000000000'

/**
 * Source: obleth's request types (DOMAIN section 3 of the project's facts). Health probes are booked under the nil
 * tenant; old releases, and the rollup, give them no type.
 */
export function billingClass(tenantId: string, requestType: string): BillingClass {
  if (requestType === BENCHMARK_REQUEST_TYPE) return 'benchmark'
  return requestType === HEALTH_PROBE_REQUEST_TYPE || tenantId === NIL_TENANT ? 'health_probe' : 'billable'
}

/** What stands on every line of a bill. A success is a status of 200 to 399, an error one of 400 and above. */
export interface Measures {
  readonly requests: bigint
  readonly successes: bigint
  readonly errors: bigint
  readonly inputTokens: bigint
  readonly outputTokens: bigint
  readonly cacheHits: bigint
  /** USD: the sum of each record's cost at its shortest decimal form, never rounded. */
  readonly cost: Money
  /** Records whose cost is no number (NaN, infinite): they count, and add nothing to the cost. */
  readonly costless: bigint
}

/** The finest line of a bill. */
export interface LineItem extends Measures {
  readonly keyId: string
  readonly model: string
  /** Null where the line comes from the rollup, which does not know it. */
  readonly requestType: string | null
  readonly class: BillingClass
  /** YYYY-MM-DD in the bill's time zone. */
  readonly day: string
  /** From the rollup, whose cost is a float sum, since the day's raw rows are gone. */
  readonly approximate: boolean
}

export interface Subtotal extends Measures {
  /** Key id, model, request type or day. */
  readonly of: string
}

/** Null where neither Postgres nor a config backup names it. */
export interface TenantName {
  readonly id: string
  readonly name: string | null
  readonly organization: string | null
  readonly contactEmail: string | null
}

/** What one tenant owes. Sums of the items equal each list of subtotals and the total, to the last digit. */
export interface Statement {
  readonly tenant: TenantName
  /** Names of the keys that occur here, by id. */
  readonly keyNames: ReadonlyMap<string, string>
  /** Ordered by day, key, model, request type; those of all three classes. */
  readonly items: readonly LineItem[]
  /** Of billable items only, as are the total and the amount due. */
  readonly byKey: readonly Subtotal[]
  readonly byModel: readonly Subtotal[]
  readonly byRequestType: readonly Subtotal[]
  readonly byDay: readonly Subtotal[]
  readonly total: Measures
  /** The total's cost, rounded once. */
  readonly amountDue: Money
  readonly apart: { readonly healthProbe: Measures; readonly benchmark: Measures }
  readonly completeness: Completeness
  /** From which pods' WALs these requests came, as far as the files are there; null where none were named. */
  readonly pods: readonly PodRequests[] | null
}

/** A reason to doubt a day of the bill. */
export interface BillFinding {
  readonly kind:
    | 'no_traffic'
    | 'silence'
    | 'not_in_ledger'
    | 'rollup_drift'
    | 'duplicates'
    | 'raw_rows_gone'
    | 'approximate'
    | 'cost_not_a_number'
  /** Day of the bill, or of the server where the kind is about the rollup. */
  readonly day: string
  /** Null where it concerns every tenant. */
  readonly tenantId: string | null
  readonly detail: string
  /** Why it counts for nothing, and who answers for that; null where it counts. */
  readonly waiver: string | null
}

/** Requests of a tenant that a pod's WAL holds. */
export interface PodRequests {
  readonly pod: string
  readonly requests: number
}

export interface Completeness {
  readonly days: number
  /** Waived findings do not count. */
  readonly daysWithFindings: number
  readonly findings: readonly BillFinding[]
}

/** A day of the bill as unix ms, half open; the first and the last may be cut by the period. */
export interface BillDay {
  readonly day: string
  readonly fromMs: number
  readonly toMs: number
}

export interface BillPeriod {
  readonly fromMs: number
  readonly toMs: number
  /** IANA name or offset. */
  readonly timeZone: string
  readonly days: readonly BillDay[]
}

/** What is known before the first statement. */
export interface BillHeader {
  readonly target: TargetInfo
  readonly period: BillPeriod
  /** Digits behind the point of each amount due; halves are rounded away from zero. */
  readonly digits: number
  readonly completeness: Completeness
}

/** What is known behind the last statement. */
export interface BillSummary {
  readonly statements: number
  readonly total: Measures
  /** Sum of the statements' amounts due. */
  readonly amountDue: Money
  readonly apart: Statement['apart']
  /** As the header's, with what the statements brought to light. */
  readonly completeness: Completeness
}

/** Takes a bill piece by piece, in the order of tenant ids; one implementation for each form of output. */
export interface BillSink {
  start(header: BillHeader): void | Promise<void>
  statement(statement: Statement): void | Promise<void>
  end(summary: BillSummary): void | Promise<void>
}

/** A line item that an earlier bill has otherwise. Null on the side that lacks it. */
export interface ItemDifference {
  readonly tenantId: string
  readonly keyId: string
  readonly model: string
  readonly requestType: string | null
  readonly day: string
  readonly earlier: Measures | null
  readonly now: Measures | null
}

/** A day, tenant, key and model in which `usage` and `usage_daily` disagree. */
export interface RollupDifference {
  readonly day: string
  readonly tenantId: string
  readonly keyId: string
  readonly model: string
  readonly requests: { readonly raw: bigint; readonly rollup: bigint }
  /** Float sums, as the rollup keeps them. */
  readonly costUsd: { readonly raw: number; readonly rollup: number }
  readonly explanation: string
}

/** Takes the differences to an earlier bill, one at a time. */
export interface ComparisonSink {
  start(header: BillHeader): Promise<void>
  difference(difference: ItemDifference): Promise<void>
  /** `differences`: how many there were. */
  end(differences: number): Promise<void>
}

/** Takes what differs between raw table and rollup, one group at a time. */
export interface ReconciliationSink {
  start(target: TargetInfo, period: BillPeriod): Promise<void>
  difference(difference: RollupDifference): Promise<void>
  end(differences: number): Promise<void>
}
