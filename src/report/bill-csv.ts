import { stringify } from 'csv-stringify/sync'
import type { BillSink, ComparisonSink, Measures, ReconciliationSink, Statement } from '../domain/bill.js'
import type { Write } from './write.js'

const MEASURES = ['requests', 'successes', 'errors', 'input_tokens', 'output_tokens', 'cache_hits', 'cost_usd'] as const

const measuresCsv = (m: Measures): string[] => [
  ...[m.requests, m.successes, m.errors, m.inputTokens, m.outputTokens, m.cacheHits].map(String),
  m.cost.toString(),
]

const NONE: readonly string[] = MEASURES.map(() => '')

/**
 * A text from outside that a spreadsheet would run as a formula gets an apostrophe in front; numbers of ours, which may
 * begin with a minus, stay numbers.
 */
const harmless = (text: string | null): string =>
  text !== null && /^[\s]*[=+\-@\t\r＝＋－＠]/.test(text) ? `'${text}` : (text ?? '')

const row = (cells: readonly (string | null)[]): string => stringify([cells])

const BILL_HEAD = [
  'tenant_id',
  'tenant',
  'organization',
  'key_id',
  'key',
  'model',
  'request_type',
  'class',
  'day',
  'time_zone',
  'approximate',
  ...MEASURES,
]

/** One row per line item, of all tenants; amounts with every digit. */
export function csvBill(write: Write): BillSink {
  let zone = ''
  return {
    start: ({ period }) => {
      zone = period.timeZone
      return write(row(BILL_HEAD))
    },
    statement: (statement) => write(itemRows(statement, zone)),
    end: () => {},
  }
}

function itemRows({ tenant, keyNames, items }: Statement, zone: string): string {
  const owner = [tenant.id, harmless(tenant.name), harmless(tenant.organization)]
  return stringify(
    items.map((item) => [
      ...owner,
      item.keyId,
      harmless(keyNames.get(item.keyId) ?? ''),
      harmless(item.model),
      harmless(item.requestType),
      item.class,
      item.day,
      zone,
      String(item.approximate),
      ...measuresCsv(item),
    ]),
  )
}

/** One row per line item that differs. */
export function csvComparison(write: Write): ComparisonSink {
  const side = (measures: Measures | null) => (measures === null ? NONE : measuresCsv(measures))
  return {
    start: () =>
      write(
        row([
          ...['tenant_id', 'key_id', 'model', 'request_type', 'day'],
          ...MEASURES.map((name) => `earlier_${name}`),
          ...MEASURES.map((name) => `now_${name}`),
        ]),
      ),
    difference: ({ tenantId, keyId, model, requestType, day, earlier, now }) =>
      write(row([tenantId, keyId, harmless(model), harmless(requestType), day, ...side(earlier), ...side(now)])),
    end: async () => {},
  }
}

/** One row per group that differs. */
export function csvReconciliation(write: Write): ReconciliationSink {
  return {
    start: () =>
      write(
        row([
          ...['day', 'tenant_id', 'key_id', 'model', 'raw_requests', 'rollup_requests'],
          ...['raw_cost_usd', 'rollup_cost_usd', 'explanation'],
        ]),
      ),
    difference: ({ day, tenantId, keyId, model, requests, costUsd, explanation }) => {
      const figures = [requests.raw, requests.rollup, costUsd.raw, costUsd.rollup].map(String)
      return write(row([day, tenantId, keyId, harmless(model), ...figures, explanation]))
    },
    end: async () => {},
  }
}
