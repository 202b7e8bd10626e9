import type { Finding, FindingKind } from '../domain/audit.js'
import { atLeast, type Sums, zeroSums } from '../domain/rollup.js'
import type { Ledger } from '../ledger/ledger.js'
import { compareRollup, type DriftingGroup, lostDays, rawPartitions } from '../ledger/rollup-check.js'
import type { RollupShape } from '../ledger/rollup-shape.js'

/**
 * Groups (day, tenant, key, model) in which `usage_daily` and `usage` differ, benchmark rows left out. Days before the
 * oldest raw row are none of these: the rollup outlives retention.
 */
export async function findDrift(ledger: Ledger, shape: RollupShape): Promise<Finding[]> {
  const days = [...(await rawPartitions(ledger)), ...(await lostDays(ledger))].sort()
  return (await compareRollup(ledger, shape, days)).map((group) => finding(shape, group))
}

/** Days that only the rollup knows, since `usage` begins later. */
export async function countRollupOnlyDays(ledger: Ledger): Promise<number> {
  const [{ days }] = await ledger.rows<{ days: string }>(
    `SELECT uniqExact(day) AS days FROM ${ledger.table('usage_daily')}
     WHERE requests > 0 AND toString(toYYYYMMDD(day)) < (SELECT min(_partition_id) FROM ${ledger.table('usage')})`,
  )
  return Number(days)
}

const MEANING: Record<Extract<FindingKind, `rollup_${string}`>, { cause: string; next: string }> = {
  rollup_absent: {
    cause: 'usage_daily was dropped, or the gateway has not created it',
    next: 'obleth-ledger replay <source...> --create-schema',
  },
  rollup_missing: {
    cause: 'rows went into usage without the view, or rows of the rollup were lost',
    next: 'obleth-ledger repair --repair-rollup',
  },
  rollup_excess: {
    cause: 'raw rows were lost and the rollup was kept, or it counted rows twice',
    next: 'obleth-ledger replay <source...> brings lost raw rows back; else obleth-ledger repair --dry-run',
  },
  rollup_mixed: { cause: 'raw rows were changed, or several of these at once', next: 'obleth-ledger repair --dry-run' },
}

export const ABSENT: Finding = {
  kind: 'rollup_absent',
  place: 'usage_daily',
  window: null,
  requests: null,
  tokens: null,
  costUsd: null,
  evidence: 'the table does not exist',
  ...MEANING.rollup_absent,
}

function finding(shape: RollupShape, { day, tenant, key, model, drift }: DriftingGroup): Finding {
  const names = (kind: 'integer' | 'float') => shape.columns.filter((c) => c.kind === kind).map(({ name }) => name)
  const integers = new Map(names('integer').map((name, i) => [name, drift.integers[i]]))
  const floats = new Map(names('float').map((name, i) => [name, drift.floats[i]]))
  const kind = kindOf(drift)
  const differing = [...integers, ...floats].filter(([, by]) => Number(by) !== 0)
  return {
    kind,
    place: `${day} tenant ${tenant} key ${key} model ${model}`,
    window: null,
    requests: Number(integers.get('requests') ?? 0n),
    tokens: Number((integers.get('input_tokens') ?? 0n) + (integers.get('output_tokens') ?? 0n)),
    costUsd: floats.get('cost_usd_sum') ?? null,
    evidence: `usage_daily less usage: ${differing.map(([name, by]) => `${name} ${by}`).join(', ')}`,
    ...MEANING[kind],
  }
}

function kindOf(drift: Sums): 'rollup_missing' | 'rollup_excess' | 'rollup_mixed' {
  const none = zeroSums(drift)
  const [above, below] = [atLeast(drift, none), atLeast(none, drift)]
  if (above === below) return 'rollup_mixed'
  return above ? 'rollup_excess' : 'rollup_missing'
}
