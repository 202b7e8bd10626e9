import type { Finding, FindingKind } from '../domain/audit.js'
import { DAY_MS } from '../domain/record.js'
import type { UsageState } from '../ledger/inspect-target.js'
import type { Ledger } from '../ledger/ledger.js'

const FLOATS = ['cost_usd', 'energy_wh', 'energy_cost_usd', 'co2_g'] as const

interface Check {
  readonly kind: FindingKind
  readonly where: string
  readonly evidence: string
  readonly cause: string
  readonly next: string
}

interface Measured {
  rows: string
  tokens: string
  cost: number
  from_ms: string
  to_ms: string
}

/** Rows of `usage` that should not be there, or not as they are, and columns that no gateway known here writes. */
export async function findOddRows(
  ledger: Ledger,
  usage: UsageState,
  retentionDays: number,
  nowMs: number,
): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const check of checksOf(usage, retentionDays, nowMs)) {
    const [{ rows, tokens, cost, from_ms, to_ms }] = await ledger.rows<Measured>(
      `SELECT count() AS rows, sum(toInt64(input_tokens) + toInt64(output_tokens)) AS tokens,
         ${usage.columns.missing.includes('cost_usd') ? 'toFloat64(0)' : 'sumIf(cost_usd, isFinite(cost_usd))'} AS cost,
         min(ts_ms) AS from_ms, max(ts_ms) AS to_ms
       FROM ${ledger.table('usage')} WHERE ${check.where}`,
    )
    if (Number(rows) === 0) continue
    const { kind, evidence, cause, next } = check
    const window = { fromMs: Number(from_ms), toMs: Number(to_ms) }
    const size = { requests: Number(rows), tokens: Number(tokens), costUsd: cost }
    findings.push({ kind, place: 'usage', window, ...size, evidence, cause, next })
  }
  return [...findings, ...unknownColumns(usage)]
}

function checksOf(usage: UsageState, retentionDays: number, nowMs: number): Check[] {
  const cutoff = usage.ttl?.cutoffMs ?? null
  const retained = nowMs - retentionDays * DAY_MS
  const floats = FLOATS.filter((name) => !usage.columns.missing.includes(name))
  return [
    ...(cutoff === null
      ? []
      : [
          {
            kind: 'expired' as const,
            where: `ts_ms < ${cutoff}`,
            evidence: `the table's TTL is ${usage.ttl?.expression}`,
            cause: 'the next merge deletes these rows',
            next: 'copy the rows away, or lengthen the TTL, if they are still needed',
          },
        ]),
    {
      kind: 'past_retention',
      where: `ts_ms < ${retained}`,
      evidence: `older than ${retentionDays} days`,
      cause: 'obleth has not dropped these days yet, or keeps more than --retention-days says',
      next: 'bill these days now, or give --retention-days what obleth keeps',
    },
    {
      kind: 'future',
      where: `ts_ms > ${nowMs + DAY_MS}`,
      evidence: 'more than a day ahead of this clock',
      cause: 'a pod whose clock was wrong, or a replay with --accept-future',
      next: 'obleth-ledger query, to see which tenants and keys these rows are of',
    },
    ...(floats.length === 0
      ? []
      : [
          {
            kind: 'non_finite' as const,
            where: floats.map((name) => `NOT isFinite(${name})`).join(' OR '),
            evidence: `infinite or no number: one of ${floats.join(', ')}; the cost is that of finite rows`,
            cause: 'rows that did not come through a gateway, which writes such values as null',
            next: 'obleth-ledger query, to see and mend the rows: every sum over them is no number',
          },
        ]),
  ]
}

function unknownColumns({ columns }: UsageState): Finding[] {
  const names = columns.extra.filter((name) => name !== 'ts')
  if (names.length === 0) return []
  return [
    {
      kind: 'unknown_columns',
      place: 'usage',
      window: null,
      requests: null,
      tokens: null,
      costUsd: null,
      evidence: `columns that no record of the WAL has: ${names.join(', ')}`,
      cause: 'a newer gateway, or a column added by hand',
      next: 'a newer obleth-ledger, where the gateway is newer: a replay fills these columns with their defaults',
    },
  ]
}
