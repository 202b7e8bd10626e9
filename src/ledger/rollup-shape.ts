import { BENCHMARK_REQUEST_TYPE } from '../domain/record.js'
import { ROLLUP_COLUMNS, type RollupColumn, type Sums } from '../domain/rollup.js'
import { literal } from './identifiers.js'
import type { TargetState } from './inspect-target.js'

/** How this target's rollup is made: older ones lack columns, and an older view counts benchmark rows, too. */
export interface RollupShape {
  readonly columns: readonly RollupColumn[]
  /** Which rows of `usage` count, in SQL. */
  readonly counts: string
}

/** Null where the target has no `usage_daily`. */
export function rollupShape(state: TargetState): RollupShape | null {
  if (state.rollup === null) return null
  const missing = new Set<string>(state.usage?.columns.missing ?? [])
  const has = new Set(state.rollup.measures)
  const columns = ROLLUP_COLUMNS.filter(({ name }) => has.has(name)).map((column) =>
    [...missing].some((name) => new RegExp(`\\b${name}\\b`).test(column.perRow)) ? { ...column, perRow: '0' } : column,
  )
  const apart = (state.view?.leavesOutBenchmark ?? true) && !missing.has('request_type')
  return { columns, counts: apart ? `request_type != ${literal(BENCHMARK_REQUEST_TYPE)}` : '1' }
}

const integers = (shape: RollupShape) => shape.columns.filter(({ kind }) => kind === 'integer')
const floats = (shape: RollupShape) => shape.columns.filter(({ kind }) => kind === 'float')

/**
 * Select list of the sums over rows of `usage`, or over those of `usage_daily`: two arrays, which {@link sumsOf} reads.
 */
export function selectSums(shape: RollupShape, over: 'usage' | 'usage_daily' = 'usage'): string {
  const value = (column: RollupColumn) => (over === 'usage' ? column.perRow : column.name)
  const exact = integers(shape).map((column) => `toString(sum(toInt64(${value(column)})))`)
  const rounded = floats(shape).map((column) => `sum(toFloat64(${value(column)}))`)
  return `[${exact.join(', ')}] AS integers, [${rounded.join(', ')}]::Array(Float64) AS floats`
}

export interface SumsRow {
  integers: string[]
  floats: (number | string)[]
}

export function sumsOf(row: SumsRow): Sums {
  return { integers: row.integers.map(BigInt), floats: row.floats.map(Number) }
}

/**
 * Both sides of the given days in one statement, group by group: `r` from `usage_daily`, `u` from `usage`. A partition
 * of `usage` is one day of the server.
 */
export function bothSides(shape: RollupShape, usage: string, daily: string, where: { usage: string; daily: string }) {
  const all = shape.columns
  const typed = ({ name, kind }: RollupColumn, value: string) =>
    `${kind === 'integer' ? 'toInt64' : 'toFloat64'}(${value}) AS s_${name}`
  const r = all.map((column) => typed(column, column.name)).join(', ')
  const u = all.map((column) => typed(column, column.perRow)).join(', ')
  const side = (rolled: 0 | 1, prefix: string) => {
    const exact = integers(shape).map(({ name }) => `toString(sumIf(s_${name}, rolled = ${rolled}))`)
    const rounded = floats(shape).map(({ name }) => `sumIf(s_${name}, rolled = ${rolled})`)
    return `[${exact.join(', ')}] AS ${prefix}Integers, [${rounded.join(', ')}]::Array(Float64) AS ${prefix}Floats`
  }
  return `SELECT toString(group_day) AS day, toString(tenant_id) AS tenant, toString(key_id) AS key, model,
      ${side(1, 'r')}, ${side(0, 'u')}
    FROM (SELECT day AS group_day, tenant_id, key_id, model, 1 AS rolled, ${r} FROM ${daily} WHERE ${where.daily}
      UNION ALL SELECT toDate(ts) AS group_day, tenant_id, key_id, model, 0 AS rolled, ${u} FROM ${usage}
      WHERE (${where.usage}) AND ${shape.counts})
    GROUP BY group_day, tenant_id, key_id, model`
}

export interface BothSidesRow {
  day: string
  tenant: string
  key: string
  model: string
  rIntegers: string[]
  rFloats: (number | string)[]
  uIntegers: string[]
  uFloats: (number | string)[]
}
