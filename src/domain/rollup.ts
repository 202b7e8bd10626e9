/**
 * The columns of `usage_daily` that are sums over `usage`, per day, tenant, key and model. Source: the SELECT of
 * obleth's `usage_daily_mv`. Rows of type `benchmark` are left out.
 */
export interface RollupColumn {
  readonly name: string
  /** What one row of `usage` adds to it, in SQL. */
  readonly perRow: string
  /** Integers are compared exactly; floats within {@link FLOAT_TOLERANCE}, since their sums depend on block sizes. */
  readonly kind: 'integer' | 'float'
}

const SUCCESS = 'status_code >= 200 AND status_code < 400'

function integer(name: string, perRow: string): RollupColumn {
  return { name, perRow, kind: 'integer' }
}

function float(name: string, perRow: string): RollupColumn {
  return { name, perRow, kind: 'float' }
}

export const ROLLUP_COLUMNS: readonly RollupColumn[] = [
  integer('requests', '1'),
  integer('success_requests', SUCCESS),
  integer('error_requests', 'status_code >= 400'),
  integer('input_tokens', 'input_tokens'),
  integer('output_tokens', 'output_tokens'),
  integer('estimated_tokens', 'estimated_tokens'),
  integer('cache_hits', "cache_status = 'hit'"),
  integer('cache_misses', "cache_status = 'miss'"),
  integer('ttft_ms_sum', `if(${SUCCESS}, ttft_ms, 0)`),
  integer('total_ms_sum', `if(${SUCCESS}, total_ms, 0)`),
  float('cost_usd_sum', 'cost_usd'),
  float('energy_wh_sum', 'energy_wh'),
  float('energy_cost_usd_sum', 'energy_cost_usd'),
  float('co2_g_sum', 'co2_g'),
]

/** Relative difference up to which two float sums count as the same. */
export const FLOAT_TOLERANCE = 1e-9

/**
 * One value per rollup column that the target has, in the order of ROLLUP_COLUMNS: bigint for integers, number for
 * floats. Also used for differences of such sums.
 */
export interface Sums {
  readonly integers: readonly bigint[]
  readonly floats: readonly number[]
}

export function addSums(a: Sums, b: Sums): Sums {
  return {
    integers: a.integers.map((value, i) => value + b.integers[i]),
    floats: a.floats.map((value, i) => value + b.floats[i]),
  }
}

export function subtractSums(a: Sums, b: Sums): Sums {
  return {
    integers: a.integers.map((value, i) => value - b.integers[i]),
    floats: a.floats.map((value, i) => value - b.floats[i]),
  }
}

export function zeroSums(like: Sums): Sums {
  return { integers: like.integers.map(() => 0n), floats: like.floats.map(() => 0) }
}

/** All integer sums are equal. Float sums are left out: they are never exact. */
export function sameIntegers(a: Sums, b: Sums): boolean {
  return a.integers.every((value, i) => value === b.integers[i])
}

export function isZero(a: Sums): boolean {
  return a.integers.every((value) => value === 0n)
}

/** Every integer sum of `a` is at least that of `b`. */
export function atLeast(a: Sums, b: Sums): boolean {
  return a.integers.every((value, i) => value >= b.integers[i])
}
