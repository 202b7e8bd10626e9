import type { ComparisonSink, ReconciliationSink } from '../domain/bill.js'
import { Money } from '../domain/money.js'
import { printable } from '../domain/printable.js'
import { plural } from './format.js'
import { describeTarget } from './plan.js'
import type { Style } from './style.js'
import type { Write } from './write.js'

/** The differences to an earlier bill, a line each. */
export function textComparison(earlier: string, style: Style, write: Write): ComparisonSink {
  return {
    start: ({ target }) =>
      write(`${style.bold('Compared')}  with ${printable(earlier)}\nledger  ${describeTarget(target)}\n`),
    difference: ({ tenantId, keyId, model, requestType, day, earlier: was, now }) => {
      const what = was === null ? 'new' : now === null ? 'gone' : 'changed'
      const place = printable([day, tenantId, keyId, model, requestType ?? '(rollup)'].join('  '))
      const requests = signed(String((now?.requests ?? 0n) - (was?.requests ?? 0n)))
      const cost = signed((now?.cost ?? Money.zero).minus(was?.cost ?? Money.zero).toString())
      return write(`${what.padEnd(7)}  ${place}  ${requests} requests  ${cost} USD\n`)
    },
    end: (differences) =>
      write(
        differences === 0
          ? style.good('no line item differs\n')
          : `${plural(differences, 'line item differs', 'line items differ')}\n`,
      ),
  }
}

const signed = (text: string): string => (text.startsWith('-') ? text : `+${text}`)

/** The differences between raw table and rollup, a line each. */
export function textReconciliation(style: Style, write: Write): ReconciliationSink {
  let days = 0
  return {
    start: (target, period) => {
      days = period.days.length
      return write(`${style.bold('Reconciled')}  usage with usage_daily\nledger  ${describeTarget(target)}\n`)
    },
    difference: ({ day, tenantId, keyId, model, requests, costUsd, explanation }) => {
      const place = printable([day, tenantId, keyId, model].join('  '))
      const figures = `${requests.raw} raw, ${requests.rollup} rolled up; ${costUsd.raw} and ${costUsd.rollup} USD`
      return write(`${place}  ${figures}: ${explanation}\n`)
    },
    end: (differences) =>
      write(
        differences === 0
          ? style.good(`usage and usage_daily agree on ${plural(days, 'day')}\n`)
          : `${plural(differences, 'group differs', 'groups differ')}\n`,
      ),
  }
}
