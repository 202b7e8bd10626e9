import type { Finding } from '../domain/audit.js'
import type { Ledger } from '../ledger/ledger.js'
import { portion, portionsFor } from '../ledger/run-tables.js'

interface Doubled {
  day: string
  ids: string
  extra: string
  tokens: string
  cost: number
  differing: string
}

/** Request ids that stand in `usage` more than once, one finding a day; its size is that of the rows too many. */
export async function findDuplicates(ledger: Ledger, rows: number): Promise<Finding[]> {
  const days = new Map<string, { ids: number; extra: number; tokens: number; cost: number; differing: number }>()
  const portions = portionsFor(rows)
  for (let i = 0; i < portions; i++) {
    for (const { day, ids, extra, tokens, cost, differing } of await doubledOf(ledger, portion(i, portions))) {
      const sum = days.get(day) ?? { ids: 0, extra: 0, tokens: 0, cost: 0, differing: 0 }
      days.set(day, {
        ids: sum.ids + Number(ids),
        extra: sum.extra + Number(extra),
        tokens: sum.tokens + Number(tokens),
        cost: sum.cost + cost,
        differing: sum.differing + Number(differing),
      })
    }
  }
  return [...days]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([day, { ids, extra, tokens, cost, differing }]) => ({
      kind: 'duplicates',
      place: day,
      window: null,
      requests: extra,
      tokens,
      costUsd: cost,
      evidence: `request ids in usage more than once: ${ids}; of these with copies that differ: ${differing}`,
      cause: 'a pod inserted its WAL again, or an insert was tried again without its deduplication token',
      next: 'obleth-ledger repair',
    }))
}

/** A group is small: two columns of its copies and a set of their hashes; only those with copies leave the engine. */
function doubledOf(ledger: Ledger, where: string): Promise<Doubled[]> {
  const tokens = 'toInt64(input_tokens) + toInt64(output_tokens)'
  return ledger.rows<Doubled>(
    `SELECT toString(first_day) AS day, count() AS ids, sum(copies - 1) AS extra, sum(token_excess) AS tokens,
       sum(cost_excess) AS cost, countIf(versions > 1) AS differing
     FROM (SELECT request_id, min(toDate(ts)) AS first_day, count() AS copies,
         sum(${tokens}) - argMin(${tokens}, ts_ms) AS token_excess,
         sum(cost_usd) - argMin(cost_usd, ts_ms) AS cost_excess, uniqExact(cityHash64(*)) AS versions
       FROM ${ledger.table('usage')} WHERE ${where} GROUP BY request_id HAVING copies > 1)
     GROUP BY first_day`,
  )
}
