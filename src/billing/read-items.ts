import type { BillDay, BillPeriod, LineItem } from '../domain/bill.js'
import { billingClass } from '../domain/bill.js'
import { Money } from '../domain/money.js'
import { FIELDS, type FieldName } from '../domain/record.js'
import { ROLLUP_COLUMNS } from '../domain/rollup.js'
import { literal } from '../ledger/identifiers.js'
import type { Ledger } from '../ledger/ledger.js'
import { andOfTenants } from './of-tenants.js'

/** A line item and whose it is. */
export interface TenantItem {
  readonly tenantId: string
  readonly item: LineItem
}

/**
 * Costs that Decimal256 with 40 digits behind the point holds exactly: a double's shortest form has at most 17 digits,
 * so those of at least 1e-23 end by the 39th, and below 1e20 the sum of 1e16 of them still fits in its 76 digits.
 * Its conversion truncates or throws beyond (DOMAIN 5.12); those few are summed here.
 */
const SCALE = 40
const FITS = 'usd = 0 OR (abs(usd) >= 1e-23 AND abs(usd) < 1e20)'

const GROUP = 'tenant, key, model, type, day_ms'

interface GroupRow {
  tenant: string
  key: string
  model: string
  type: string
  day_ms: string
}

interface ItemRow extends GroupRow {
  requests: string
  successes: string
  errors: string
  input: string
  output: string
  hits: string
  cost: string
  costless: string
  rollup: number
}

export interface Selection {
  readonly period: BillPeriod
  /** Empty for all. */
  readonly tenants: readonly string[]
  /** Columns that an older `usage` lacks. */
  readonly missing: readonly FieldName[]
  /** Days of the period that are taken from the rollup, since `usage` has nothing of them. */
  readonly fromRollup: readonly BillDay[]
  /** Columns of the rollup that are sums. */
  readonly measures: readonly string[]
}

/** All line items, ordered by tenant, day, key, model, request type. Summed on the target. */
export async function* readItems(ledger: Ledger, selection: Selection): AsyncIterable<TenantItem> {
  const rows = selectRows(ledger, selection)
  const beyond = await costsBeyond(ledger, rows)
  const dayOf = new Map(selection.period.days.map(({ day, fromMs }) => [String(fromMs), day]))
  const rolled = selection.fromRollup.length === 0 ? '' : `UNION ALL ${selectRollup(ledger, selection)}`
  const sql = `SELECT * FROM (SELECT ${GROUP}, toString(count()) AS requests, toString(countIf(ok)) AS successes,
      toString(countIf(failed)) AS errors, toString(sum(toUInt64(tokens_in))) AS input,
      toString(sum(toUInt64(tokens_out))) AS output, toString(countIf(hit)) AS hits,
      toString(sum(toDecimal256(toString(if(${FITS}, usd, 0)), ${SCALE}))) AS cost,
      toString(countIf(NOT isFinite(usd))) AS costless, 0 AS rollup
    FROM (${rows}) GROUP BY ${GROUP} ${rolled}) ORDER BY tenant, day_ms, key, model, type`
  for await (const portion of ledger.stream<ItemRow>(sql))
    for (const row of portion) {
      const exact = Money.parse(row.cost)
      const cost = beyond.get(groupKey(row))
      yield { tenantId: row.tenant, item: itemOf(row, dayOf, cost === undefined ? exact : exact.plus(cost)) }
    }
}

/** Sums of the costs that do not fit, by group. No sane record has one: each distinct value costs a line here. */
async function costsBeyond(ledger: Ledger, rows: string): Promise<Map<string, Money>> {
  const sums = new Map<string, Money>()
  const sql = `SELECT ${GROUP}, toString(usd) AS text, toString(count()) AS times
    FROM (${rows}) WHERE isFinite(usd) AND NOT (${FITS}) GROUP BY ${GROUP}, usd`
  for await (const portion of ledger.stream<GroupRow & { text: string; times: string }>(sql))
    for (const row of portion) {
      const key = groupKey(row)
      sums.set(key, (sums.get(key) ?? Money.zero).plus(Money.parse(row.text).times(BigInt(row.times))))
    }
  return sums
}

const groupKey = ({ tenant, key, model, type, day_ms }: GroupRow): string =>
  JSON.stringify([tenant, key, model, type, day_ms])

function itemOf(row: ItemRow, dayOf: ReadonlyMap<string, string>, cost: Money): LineItem {
  return {
    keyId: row.key,
    model: row.model,
    requestType: row.rollup === 1 ? null : row.type,
    class: billingClass(row.tenant, row.type),
    day: dayOf.get(row.day_ms) ?? '',
    approximate: row.rollup === 1,
    requests: BigInt(row.requests),
    successes: BigInt(row.successes),
    errors: BigInt(row.errors),
    inputTokens: BigInt(row.input),
    outputTokens: BigInt(row.output),
    cacheHits: BigInt(row.hits),
    cost,
    costless: BigInt(row.costless),
  }
}

/** The rows of the bill with what each adds. Days start where this tool's own zone rules say, not the target's. */
function selectRows(ledger: Ledger, { period: { fromMs, toMs, days }, tenants, missing }: Selection): string {
  const starts = `[${days.map((day) => day.fromMs).join(', ')}]::Array(Int64)`
  const perRow = (name: string) =>
    presentOnly(ROLLUP_COLUMNS.find((column) => column.name === name)?.perRow ?? '0', missing)
  const type = missing.includes('request_type') ? "''" : 'toString(request_type)'
  return `SELECT toString(tenant_id) AS tenant, toString(key_id) AS key, model, ${type} AS type,
      toString(roundDown(ts_ms, ${starts})) AS day_ms, ${perRow('success_requests')} AS ok,
      ${perRow('error_requests')} AS failed, ${perRow('cache_hits')} AS hit, input_tokens AS tokens_in,
      output_tokens AS tokens_out, toFloat64(${perRow('cost_usd_sum')}) AS usd
    FROM ${ledger.table('usage')} WHERE ts_ms >= ${fromMs} AND ts_ms < ${toMs}${andOfTenants(tenants)}`
}

/** The same columns from the rollup, which knows no request type and holds no benchmark rows. */
function selectRollup(ledger: Ledger, { tenants, fromRollup, measures }: Selection): string {
  const sum = (name: string) => `toString(${measures.includes(name) ? `sum(${name})` : '0'})`
  const cost = measures.includes('cost_usd_sum') ? 'sum(cost_usd_sum)' : '0.0'
  const days = `[${fromRollup.map(({ day }) => literal(day)).join(', ')}]`
  const starts = `[${fromRollup.map(({ fromMs }) => literal(String(fromMs))).join(', ')}]`
  return `SELECT toString(tenant_id) AS tenant, toString(key_id) AS key, model, '' AS type,
      transform(toString(day), ${days}, ${starts}, '') AS day_ms, ${sum('requests')} AS requests,
      ${sum('success_requests')} AS successes, ${sum('error_requests')} AS errors, ${sum('input_tokens')} AS input,
      ${sum('output_tokens')} AS output, ${sum('cache_hits')} AS hits, toString(if(isFinite(${cost}), ${cost}, 0)) AS cost,
      if(isFinite(${cost}), '0', '1') AS costless, 1 AS rollup
    FROM ${ledger.table('usage_daily')} WHERE has(${days}, toString(day))${andOfTenants(tenants)} GROUP BY ${GROUP}`
}

/** An expression over columns of `usage`, or 0 where the table lacks one of them: it held its default then. */
function presentOnly(expression: string, missing: readonly FieldName[]): string {
  const lacks = FIELDS.some(({ name }) => missing.includes(name) && new RegExp(`\\b${name}\\b`).test(expression))
  return lacks ? '0' : expression
}
