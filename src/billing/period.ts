import { Temporal } from 'temporal-polyfill'
import type { BillDay, BillPeriod } from '../domain/bill.js'
import { LedgerError } from '../domain/errors.js'
import type { PeriodRequest } from '../domain/options.js'

/** A longer bill would ask for more days than one statement to the engine takes. */
const MOST_DAYS = 3_660

/**
 * The period's days in its time zone; a day has 23 or 25 hours, or others, where clocks change in it.
 *
 * @throws LedgerError `usage` for a period that does not exist or is longer than ten years
 */
export function billPeriod(request: PeriodRequest, timeZone: string): BillPeriod {
  const { from, to } = bounds(request, timeZone)
  const period = { fromMs: from.epochMilliseconds, toMs: to.epochMilliseconds, timeZone: from.timeZoneId }
  const days: BillDay[] = []
  for (let day = from.toPlainDate(); ; day = day.add({ days: 1 })) {
    const fromMs = Math.max(startOf(day, timeZone), period.fromMs)
    const toMs = Math.min(startOf(day.add({ days: 1 }), timeZone), period.toMs)
    if (fromMs >= period.toMs) break
    // A day that a zone skipped has no length.
    if (fromMs < toMs) days.push({ day: day.toString(), fromMs, toMs })
    if (days.length > MOST_DAYS) throw new LedgerError('usage', 'the period is longer than ten years')
  }
  return { ...period, days }
}

/** Start and end of a calendar day in a zone, unix ms. */
export function dayIn(day: string, timeZone: string): { fromMs: number; toMs: number } {
  const date = Temporal.PlainDate.from(day)
  return { fromMs: startOf(date, timeZone), toMs: startOf(date.add({ days: 1 }), timeZone) }
}

const startOf = (date: Temporal.PlainDate, timeZone: string): number =>
  date.toZonedDateTime(timeZone).startOfDay().epochMilliseconds

function bounds(
  request: PeriodRequest,
  timeZone: string,
): { from: Temporal.ZonedDateTime; to: Temporal.ZonedDateTime } {
  if (request.kind === 'window') {
    const at = (ms: number) => Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(timeZone)
    return { from: at(request.sinceMs), to: at(request.untilMs) }
  }
  const [year, month, day] = request.period.split('-')
  const first = dateOf(`${year}-${month ?? '01'}-${day ?? '01'}`)
  const next = first.add(day !== undefined ? { days: 1 } : month !== undefined ? { months: 1 } : { years: 1 })
  return { from: first.toZonedDateTime(timeZone), to: next.toZonedDateTime(timeZone) }
}

function dateOf(text: string): Temporal.PlainDate {
  try {
    return Temporal.PlainDate.from(text)
  } catch {
    throw new LedgerError('usage', '--period names a month or day that does not exist')
  }
}
