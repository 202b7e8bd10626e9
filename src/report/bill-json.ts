import type {
  BillPeriod,
  BillSink,
  ComparisonSink,
  Completeness,
  LineItem,
  Measures,
  ReconciliationSink,
  Statement,
  Subtotal,
} from '../domain/bill.js'
import type { Write } from './write.js'

/** A count as JSON holds it exactly: a number, or text beyond 2^53. */
const exact = (n: bigint): number | string => (n <= Number.MAX_SAFE_INTEGER ? Number(n) : String(n))

const measuresJson = (m: Measures) => ({
  requests: exact(m.requests),
  successes: exact(m.successes),
  errors: exact(m.errors),
  inputTokens: exact(m.inputTokens),
  outputTokens: exact(m.outputTokens),
  cacheHits: exact(m.cacheHits),
  costUsd: m.cost.toString(),
  costless: exact(m.costless),
})

const itemJson = (item: LineItem) => ({
  keyId: item.keyId,
  model: item.model,
  requestType: item.requestType,
  class: item.class,
  day: item.day,
  approximate: item.approximate,
  ...measuresJson(item),
})

const apartJson = ({ healthProbe, benchmark }: Statement['apart']) => ({
  healthProbe: measuresJson(healthProbe),
  benchmark: measuresJson(benchmark),
})

const completenessJson = ({ days, daysWithFindings, findings }: Completeness) => ({
  days,
  daysWithFindings,
  findings: findings.map(({ kind, day, tenantId, detail, waiver }) => ({ kind, day, tenantId, detail, waiver })),
})

function statementJson(statement: Statement): object {
  const named = (name: string, list: readonly Subtotal[]) =>
    list.map(({ of, ...measures }) => ({ [name]: of, ...measuresJson(measures) }))
  return {
    tenant: statement.tenant,
    keyNames: Object.fromEntries(statement.keyNames),
    amountDueUsd: statement.amountDue.toFixed(),
    total: measuresJson(statement.total),
    byKey: named('keyId', statement.byKey),
    byModel: named('model', statement.byModel),
    byRequestType: named('requestType', statement.byRequestType),
    byDay: named('day', statement.byDay),
    apart: apartJson(statement.apart),
    completeness: completenessJson(statement.completeness),
    pods: statement.pods,
    items: statement.items.map(itemJson),
  }
}

/** A rule that programs can rely on: what `round` of the amounts does. */
const RULE = 'half away from zero'

/** The bill as one JSON document, written statement by statement. */
export function jsonBill(version: string, write: Write): BillSink {
  const list = jsonList('statements', write)
  return {
    start: ({ target, period, digits, completeness }) =>
      list.start({
        command: 'bill',
        version,
        target,
        period: periodJson(period),
        rounding: { digits, rule: RULE },
        completeness: completenessJson(completeness),
      }),
    statement: (statement) => list.item(statementJson(statement)),
    end: ({ total, amountDue, apart, completeness }) =>
      list.end({
        total: measuresJson(total),
        amountDueUsd: amountDue.toFixed(),
        apart: apartJson(apart),
        status: statusOf(completeness.daysWithFindings),
      }),
  }
}

const periodJson = ({ fromMs, toMs, timeZone, days }: BillPeriod) => ({
  fromMs,
  toMs,
  timeZone,
  days: days.map(({ day }) => day),
})

const statusOf = (found: number) => (found === 0 ? 'ok' : 'mismatch')

/** The differences to an earlier bill as one JSON document. */
export function jsonComparison(version: string, earlier: string, write: Write): ComparisonSink {
  const list = jsonList('differences', write)
  return {
    start: ({ target, period }) =>
      list.start({ command: 'bill', version, target, compared: earlier, period: periodJson(period) }),
    difference: ({ earlier: was, now, ...item }) =>
      list.item({ ...item, earlier: was && measuresJson(was), now: now && measuresJson(now) }),
    end: (differences) => list.end({ status: statusOf(differences) }),
  }
}

/** The reconciliation with the rollup as one JSON document. */
export function jsonReconciliation(version: string, write: Write): ReconciliationSink {
  const list = jsonList('differences', write)
  return {
    start: (target, period) =>
      list.start({ command: 'bill', version, target, against: 'rollup', period: periodJson(period) }),
    difference: ({ requests, ...rest }) =>
      list.item({ ...rest, requests: { raw: exact(requests.raw), rollup: exact(requests.rollup) } }),
    end: (differences) => list.end({ status: statusOf(differences) }),
  }
}

/** One JSON object with a long list in it, written piece by piece. */
function jsonList(name: string, write: Write) {
  let items = 0
  const inner = (value: object, by: string) => JSON.stringify(value, null, 2).replaceAll('\n', `\n${by}`)
  return {
    start: (head: object) => write(`${inner(head, '').slice(0, -2)},\n  ${JSON.stringify(name)}: [`),
    item: (item: object) => write(`${items++ === 0 ? '' : ','}\n    ${inner(item, '    ')}`),
    end: (tail: object) => write(`${items === 0 ? '' : '\n  '}],\n${inner(tail, '').slice(2)}\n`),
  }
}
