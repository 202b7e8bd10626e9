// @ts-expect-error a plain script, without types
import { oblethSchema } from '../../samples/obleth-schema.js'

export const MINUTE_MS = 60_000
export const DAY_MS = 86_400_000
/** The ledger ends with yesterday: nothing is past retention, nothing in the future. */
export const END_MS = Math.floor(Date.now() / DAY_MS) * DAY_MS
const DAYS = 90
export const START_MS = END_MS - DAYS * DAY_MS
/** A working day that is a public holiday, and one in the middle. */
const workingDay = (from: number) => {
  const day = START_MS + from * DAY_MS
  return day + ((3 - new Date(day).getUTCDay() + 7) % 7) * DAY_MS
}
const HOLIDAY = workingDay(30)
export const WORKDAY = workingDay(50)

/** Ninety days of office hours in a ledger: nights without a request, quiet weekends, one public holiday. */
export function ninetyDays(): string[] {
  const day = `toDate(fromUnixTimestamp64Milli(at, 'UTC'))`
  const rest = `toDayOfWeek(${day}) >= 6 OR ${day} = toDate('${new Date(HOLIDAY).toISOString().slice(0, 10)}')`
  const hour = `toHour(fromUnixTimestamp64Milli(at, 'UTC'))`
  const rate = `multiIf(${hour} < 7 OR ${hour} >= 20, 0, ${rest}, 0.2, ${hour} IN (7, 8, 18, 19), 1.5, 6)`
  return [
    ...oblethSchema(),
    `INSERT INTO obleth.usage (request_id, tenant_id, key_id, model, admission, weight, input_tokens, output_tokens,
       estimated_tokens, queue_wait_ms, ttft_ms, total_ms, status_code, cache_status, cost_usd, ts_ms, request_type)
     SELECT reinterpretAsUUID(toUInt128(at) * 1000 + n), toUUID('00000002-0000-4000-8000-000000000001'),
       toUUID('00000003-0000-4000-8000-000000000001'), 'gpt-large', 'fast', 1, 1000, 100, 1100, 0, 50, 500, 200, 'miss',
       0.001, at + cityHash64(at, n) % ${MINUTE_MS}, 'chat'
     FROM (SELECT toInt64(${START_MS}) + number * ${MINUTE_MS} AS at,
             arrayJoin(range(toUInt64(floor(2 * ${rate} * (cityHash64(at) % 1000) / 1000 +
               (cityHash64(at, 1) % 1000) / 1000)))) AS n
           FROM numbers(${DAYS * 1440}))
     SETTINGS max_partitions_per_insert_block = 0`,
  ]
}

/** Statements that make the rollup of these days, unix ms, agree with `usage` again, without errors and cache hits. */
export function rollUpAgain(days: readonly number[]): string[] {
  const list = days.map((ms) => `'${new Date(ms).toISOString().slice(0, 10)}'`)
  return [
    `ALTER TABLE obleth.usage_daily DELETE WHERE day IN (${list}) SETTINGS mutations_sync = 2`,
    `INSERT INTO obleth.usage_daily SELECT toDate(ts) AS day, tenant_id, key_id, model, count(), count(), 0,
       sum(input_tokens), sum(output_tokens), sum(estimated_tokens), 0, count(), sum(ttft_ms), sum(total_ms), sum(cost_usd),
       0, 0, 0
     FROM obleth.usage WHERE toDate(ts) IN (${list}) GROUP BY ALL SETTINGS async_insert = 0`,
  ]
}
