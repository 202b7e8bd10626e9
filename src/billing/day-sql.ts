import type { BillDay } from '../domain/bill.js'

/** The day of a row, as the unix ms of its start, in SQL. */
export const dayMs = (days: readonly BillDay[]): string =>
  `roundDown(ts_ms, [${days.map(({ fromMs }) => fromMs)}]::Array(Int64))`

/** The days by what {@link dayMs} gives, as text. */
export const dayOfStart = (days: readonly BillDay[]): Map<string, string> =>
  new Map(days.map(({ day, fromMs }) => [String(fromMs), day]))
