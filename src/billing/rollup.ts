import type { BillDay, RollupDifference } from '../domain/bill.js'
import { FLOAT_TOLERANCE } from '../domain/rollup.js'
import { literal } from '../ledger/identifiers.js'
import type { Ledger } from '../ledger/ledger.js'
import { type BothSidesRow, bothSides, type RollupShape } from '../ledger/rollup-shape.js'
import { andOfTenants } from './of-tenants.js'

/** Days of the server as they go into a statement. */
const inDays = (days: readonly BillDay[]): string => `(${days.map(({ day }) => literal(day)).join(', ')})`

/** Of these days of the server, those that the rollup knows and `usage` has no row of: retention, a TTL, or a loss. */
export async function rollupOnlyDays(
  ledger: Ledger,
  shape: RollupShape,
  days: readonly BillDay[],
): Promise<Set<string>> {
  if (days.length === 0) return new Set()
  const rows = await ledger.rows<{ day: string }>(
    `SELECT DISTINCT toString(day) AS day FROM ${ledger.table('usage_daily')}
     WHERE toString(day) IN ${inDays(days)} AND requests > 0 AND day NOT IN
       (SELECT DISTINCT toDate(ts) FROM ${ledger.table('usage')} WHERE ${window(days)} AND ${shape.counts})`,
  )
  return new Set(rows.map(({ day }) => day))
}

/**
 * Where `usage` and `usage_daily` disagree, group by group in the order of day, tenant, key and model: integers exactly,
 * floats within the tolerance. Compared on the target.
 */
export async function* rollupDifferences(
  ledger: Ledger,
  shape: RollupShape,
  days: readonly BillDay[],
  tenants: readonly string[],
): AsyncIterable<RollupDifference> {
  if (days.length === 0) return
  const both = bothSides(shape, ledger.table('usage'), ledger.table('usage_daily'), {
    usage: `${window(days)}${andOfTenants(tenants)}`,
    daily: `toString(day) IN ${inDays(days)}${andOfTenants(tenants)}`,
  })
  const close = `abs(r - u) <= ${FLOAT_TOLERANCE} * greatest(abs(r), abs(u))`
  const sql = `SELECT * FROM (${both}) WHERE rIntegers != uIntegers
      OR arrayExists((r, u) -> NOT (${close}), rFloats, uFloats) ORDER BY day, tenant, key, model`
  const at = indexOf(shape)
  for await (const portion of ledger.stream<BothSidesRow>(sql))
    for (const row of portion) {
      const requests = { raw: BigInt(row.uIntegers[at.requests]), rollup: BigInt(row.rIntegers[at.requests]) }
      yield {
        day: row.day,
        tenantId: row.tenant,
        keyId: row.key,
        model: row.model,
        requests,
        costUsd: { raw: Number(row.uFloats[at.cost] ?? 0), rollup: Number(row.rFloats[at.cost] ?? 0) },
        explanation: explain(requests, row),
      }
    }
}

function indexOf({ columns }: RollupShape): { requests: number; cost: number } {
  const place = (kind: string, wanted: string) =>
    columns.filter((column) => column.kind === kind).findIndex(({ name }) => name === wanted)
  return { requests: place('integer', 'requests'), cost: place('float', 'cost_usd_sum') }
}

function explain({ raw, rollup }: RollupDifference['requests'], row: BothSidesRow): string {
  if (raw === 0n) return 'only the rollup has it: the raw rows are gone (retention, a TTL, a loss)'
  if (rollup === 0n) return 'the rollup lacks it: its rows came in without the view, or it was lost'
  if (rollup > raw) return 'the rollup counts more: raw rows are gone, or the rollup counted some twice'
  if (rollup < raw) return 'the rollup counts less: raw rows came in without the view, or stand in the ledger twice'
  const sameFigures = row.rIntegers.every((value, i) => value === row.uIntegers[i])
  return sameFigures
    ? 'requests and tokens agree, sums of cost or energy do not'
    : 'as many requests, with other figures'
}

/** Rows of whole days of the server, which follow each other. */
function window(days: readonly BillDay[]): string {
  return `ts_ms >= ${days[0].fromMs} AND ts_ms < ${days[days.length - 1].toMs}`
}
