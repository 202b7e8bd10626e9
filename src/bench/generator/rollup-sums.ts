import { DecimalSum } from './decimal-sum.js'
import type { UsageRecord } from './record.js'
import { f64Text } from './serde-text.js'

const INTEGERS = [
  'requests',
  'success_requests',
  'error_requests',
  'input_tokens',
  'output_tokens',
  'estimated_tokens',
  'cache_hits',
  'cache_misses',
  'ttft_ms_sum',
  'total_ms_sum',
] as const
const DECIMALS = ['cost_usd_sum', 'energy_wh_sum', 'energy_cost_usd_sum', 'co2_g_sum'] as const

export type RollupTotals = Record<(typeof INTEGERS)[number], number> & Record<(typeof DECIMALS)[number], string>

/** What a group of requests adds up to, in the columns of `usage_daily`; float columns as exact decimal sums of the written numbers. */
export class RollupSums {
  requests = 0
  success_requests = 0
  error_requests = 0
  input_tokens = 0
  output_tokens = 0
  estimated_tokens = 0
  cache_hits = 0
  cache_misses = 0
  ttft_ms_sum = 0
  total_ms_sum = 0
  cost_usd_sum = new DecimalSum()
  energy_wh_sum = new DecimalSum()
  energy_cost_usd_sum = new DecimalSum()
  co2_g_sum = new DecimalSum()

  add(record: UsageRecord): void {
    const success = record.status_code >= 200 && record.status_code < 400
    this.requests++
    if (success) this.success_requests++
    if (record.status_code >= 400) this.error_requests++
    this.input_tokens += record.input_tokens
    this.output_tokens += record.output_tokens
    this.estimated_tokens += record.estimated_tokens
    if (record.cache_status === 'hit') this.cache_hits++
    if (record.cache_status === 'miss') this.cache_misses++
    if (success) {
      this.ttft_ms_sum += record.ttft_ms
      this.total_ms_sum += record.total_ms
    }
    this.cost_usd_sum.add(f64Text(record.cost_usd))
    this.energy_wh_sum.add(f64Text(record.energy_wh))
    this.energy_cost_usd_sum.add(f64Text(record.energy_cost_usd))
    this.co2_g_sum.add(f64Text(record.co2_g))
  }

  addAll(other: RollupSums): void {
    for (const name of INTEGERS) this[name] += other[name]
    for (const name of DECIMALS) this[name].addAll(other[name])
  }

  /** Whole numbers, and decimals as text. */
  toJSON(): RollupTotals {
    const integers = INTEGERS.map((name) => [name, this[name]])
    const decimals = DECIMALS.map((name) => [name, this[name].toString()])
    return Object.fromEntries([...integers, ...decimals])
  }
}
