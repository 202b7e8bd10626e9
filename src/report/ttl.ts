import { printable } from '../domain/printable.js'
import type { Expiring, TtlOutcome } from '../domain/ttl.js'
import { moment, plural } from './format.js'
import type { Style } from './style.js'

/** When rows go, and what is about to. */
export function renderTtl({ target, rows, ttl, expiring, retentionDays }: TtlOutcome, style: Style): string {
  const lines = [
    `${style.bold('ledger')}     ${printable(`${target.location}, database ${target.database}`)}, ${plural(rows, 'row')}`,
    `${style.bold('ttl')}        ${ttl === null ? 'none: rows are kept for ever' : printable(ttl.expression)}`,
    ...(ttl?.cutoffMs == null ? [] : [`${style.bold('goes')}       what is older than ${moment(ttl.cutoffMs)}`]),
    ...(ttl !== null && ttl.cutoffMs === null ? ['           which rows that are could not be worked out'] : []),
    ...(expiring.rows === 0 ? [] : [`${style.warn('past it')}    ${extent(expiring)}; they go as parts are merged`]),
    `${style.bold('obleth')}     itself drops days older than ${plural(retentionDays, 'day')} (OBLETH_USAGE_RETENTION_DAYS); usage_daily stays`,
  ]
  return `${lines.join('\n')}\n`
}

/** What a change of the TTL drops, or would. */
export function renderTtlChange(
  outcome: TtlOutcome & { readonly changed: boolean },
  days: number,
  style: Style,
): string {
  const { target, ttl, expiring, changed } = outcome
  const where = printable(`${target.location}, database ${target.database}`)
  const now = ttl === null ? 'none' : printable(ttl.expression)
  const lines = [
    changed
      ? `${style.good('changed')}  rows of usage on ${where} go after ${plural(days, 'day')}`
      : `${style.bold('would be')} ${plural(days, 'day')}; on ${where} it is now ${now}`,
    expiring.rows === 0
      ? '  no row is that old'
      : `  ${style.bad(changed ? 'goes' : 'would go')} ${extent(expiring)}, for good; usage_daily keeps its sums`,
  ]
  return `${lines.join('\n')}\n`
}

function extent({ rows, days, fromMs, toMs }: Expiring): string {
  const from = fromMs === null || toMs === null ? '' : `, ${moment(fromMs)} to ${moment(toMs)}`
  return `${plural(rows, 'row')} of ${plural(days, 'day')}${from}`
}
