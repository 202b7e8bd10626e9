import { Temporal } from 'temporal-polyfill'
import type { BillDay, BillPeriod } from '../domain/bill.js'
import { dayIn } from './period.js'

/**
 * The days of the server, whose days the rollup has, that lie wholly in the period. Empty where the server's zone is
 * not known here.
 */
export function serverDaysWithin(period: BillPeriod, serverZone: string): BillDay[] {
  const days: BillDay[] = []
  try {
    const dateAt = (ms: number) =>
      Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(serverZone).toPlainDate()
    const end = dateAt(period.toMs)
    for (let date = dateAt(period.fromMs); Temporal.PlainDate.compare(date, end) <= 0; date = date.add({ days: 1 })) {
      const day = { day: date.toString(), ...dayIn(date.toString(), serverZone) }
      if (day.fromMs < day.toMs && day.fromMs >= period.fromMs && day.toMs <= period.toMs) days.push(day)
    }
  } catch (error) {
    if (error instanceof RangeError) return []
    throw error
  }
  return days
}

/** Whether a day of the bill is, start to end, this day of the server. */
export const isSameDay = (a: BillDay, b: BillDay): boolean =>
  a.day === b.day && a.fromMs === b.fromMs && a.toMs === b.toMs
