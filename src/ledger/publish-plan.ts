import { addSums, type RollupColumn, type Sums, subtractSums, zeroSums } from '../domain/rollup.js'
import { type DriftMap, groupKey, type RawSums, settledDrift } from './drift.js'
import type { Evidence } from './evidence.js'
import { literal } from './identifiers.js'
import { insertRows } from './insert-rows.js'
import type { Ledger } from './ledger.js'
import { type BatchVerdicts, decideBatches, decideGroup, type GroupEvidence, remainingDrift } from './rollup-rule.js'
import { type RollupShape, sumsOf } from './rollup-shape.js'
import { PLAN_COLUMNS, PLAN_TABLE } from './run-tables.js'

/** One group's line in the plan of a partition; `sums` are those of its new rows. */
export interface PlannedGroup extends RawSums, PlanEntry {
  /** What the rollup lacks once the rows are moved: the new ones less those that it has counted. */
  readonly lacking: Sums
}

/** What the plan table says of a group. */
export interface PlanEntry {
  readonly tenant: string
  readonly key: string
  readonly model: string
  /** proven, assumed, or mismatch with its reason. */
  readonly decision: string
  /** R − U before, and R − U that shall remain. */
  readonly before: Sums
  readonly remain: Sums
  /** Requests taken as counted (too low by at most), and those of the other batches (too high by at most), where assumed. */
  readonly lowRequests: bigint
  readonly highRequests: bigint
}

/**
 * Decides the candidate batches over all partitions that wait to be published, before the first of them changes the
 * rollup: a batch may lie on both sides of a midnight, and was committed whole or not at all.
 */
export async function decideAllBatches(
  ledger: Ledger,
  shape: RollupShape,
  evidence: Evidence,
  partitions: readonly string[],
): Promise<{ verdicts: BatchVerdicts; drifts: ReadonlyMap<string, DriftMap> }> {
  const drifts = new Map<string, DriftMap>()
  for (const partitionId of partitions) drifts.set(partitionId, await settledDrift(ledger, shape, partitionId))
  // Rollup and raw table agree everywhere, as after a total loss: nothing was counted, whatever the batches.
  if ([...drifts.values()].every(({ size }) => size === 0)) return { verdicts: decideBatches([]), drifts }
  const groups: GroupEvidence[] = []
  for (const [partitionId, drift] of drifts) {
    const batches = await evidence.batches(partitionId)
    if (batches.size === 0) continue
    const acknowledged = drift.size === 0 ? new Map<string, Sums>() : await evidence.acknowledged(partitionId)
    for (const [key, mine] of batches) groups.push(groupEvidence(key, drift, acknowledged, mine))
  }
  return { verdicts: decideBatches(groups), drifts }
}

export interface PlannedGroups {
  readonly groups: PlannedGroup[]
  /** New rows by tenant, those included that no rollup counts. */
  readonly tenants: ReadonlyMap<string, number>
}

/**
 * The plan of one partition: what the rollup holds of each group's new rows already, and the drift that shall remain.
 * `seen`: R − U, where it is known and nobody can have changed it.
 */
export async function planGroups(
  ledger: Ledger,
  shape: RollupShape,
  evidence: Evidence,
  partitionId: string,
  verdicts: BatchVerdicts,
  seen?: DriftMap,
): Promise<PlannedGroups> {
  const drift = seen ?? (await settledDrift(ledger, shape, partitionId))
  const { groups: newRows, tenants } = await evidence.newRows(partitionId)
  const touched = [...newRows.keys()].some((key) => drift.has(key))
  const acknowledged = touched ? await evidence.acknowledged(partitionId) : new Map<string, Sums>()
  const doubtful = touched || verdicts.contradictory.size > 0
  const batches = doubtful ? await evidence.batches(partitionId) : new Map<string, Map<number, Sums>>()
  const groups = [...newRows].map(([key, { tenant, key: keyId, model, sums }]) => {
    const group = groupEvidence(key, drift, acknowledged, batches.get(key) ?? new Map(), sums)
    const decision = decideGroup(group, verdicts)
    const assumed = decision.kind === 'assumed'
    const remain = remainingDrift(group.drift, decision, sums)
    return {
      tenant,
      key: keyId,
      model,
      sums,
      decision: decision.kind === 'mismatch' ? `mismatch: ${decision.reason}` : decision.kind,
      before: group.drift,
      remain,
      lacking: subtractSums(addSums(remain, sums), group.drift),
      lowRequests: assumed ? decision.counted.integers[0] : 0n,
      highRequests: assumed ? decision.uncountedBatches.integers[0] : 0n,
    }
  })
  return { groups, tenants }
}

function groupEvidence(
  key: string,
  drift: DriftMap,
  acknowledged: ReadonlyMap<string, Sums>,
  batches: ReadonlyMap<number, Sums>,
  like: Sums = [...batches.values()][0],
): GroupEvidence {
  const zero = zeroSums(like)
  return { drift: drift.get(key)?.drift ?? zero, acknowledged: acknowledged.get(key) ?? zero, batches }
}

/** Writes the plan's rows to the target. It becomes valid with the `planned` step only. */
export async function writePlan(
  ledger: Ledger,
  spoolDir: string,
  run: { readonly runId: string; readonly partitionId: string },
  shape: RollupShape,
  groups: readonly PlanEntry[],
): Promise<void> {
  const rows = groups.map((group) => ({
    run: run.runId,
    partition_id: run.partitionId,
    tenant_id: group.tenant,
    key_id: group.key,
    model: group.model,
    decision: group.decision,
    low_requests: String(group.lowRequests),
    high_requests: String(group.highRequests),
    ...named(shape.columns, 'before', group.before),
    ...named(shape.columns, 'remain', group.remain),
  }))
  await insertRows(ledger, spoolDir, PLAN_TABLE, PLAN_COLUMNS, rows)
}

/** The plan of a partition as it stands on the target, group by group. */
export async function readPlan(
  ledger: Ledger,
  run: { readonly runId: string; readonly partitionId: string },
  shape: RollupShape,
): Promise<Map<string, PlanEntry>> {
  const pick = (kind: RollupColumn['kind']) => shape.columns.filter((column) => column.kind === kind)
  const sums = (side: 'before' | 'remain') => {
    const integers = pick('integer').map(({ name }) => `toString(${side}_${name})`)
    const floats = pick('float').map(({ name }) => `${side}_${name}`)
    return `[${integers.join(', ')}] AS ${side}Integers, [${floats.join(', ')}]::Array(Float64) AS ${side}Floats`
  }
  const sql = `SELECT toString(tenant_id) AS tenant, toString(key_id) AS key, model, decision, ${sums('before')},
      ${sums('remain')}, toString(low_requests) AS low, toString(high_requests) AS high
    FROM ${ledger.table(PLAN_TABLE)}
    WHERE run = ${literal(run.runId)} AND partition_id = ${literal(run.partitionId)}`
  const found = new Map<string, PlanEntry>()
  for await (const rows of ledger.stream<PlanRow>(sql))
    for (const row of rows)
      found.set(groupKey(row), {
        tenant: row.tenant,
        key: row.key,
        model: row.model,
        decision: row.decision,
        before: sumsOf({ integers: row.beforeIntegers, floats: row.beforeFloats }),
        remain: sumsOf({ integers: row.remainIntegers, floats: row.remainFloats }),
        lowRequests: BigInt(row.low),
        highRequests: BigInt(row.high),
      })
  return found
}

interface PlanRow {
  tenant: string
  key: string
  model: string
  decision: string
  beforeIntegers: string[]
  beforeFloats: (number | string)[]
  remainIntegers: string[]
  remainFloats: (number | string)[]
  low: string
  high: string
}

/** `<prefix>_<column>`: value, for every column of the shape. */
function named(columns: readonly RollupColumn[], prefix: string, sums: Sums): Record<string, string | number> {
  let [integer, float] = [0, 0]
  return Object.fromEntries(
    columns.map(({ name, kind }) => [
      `${prefix}_${name}`,
      kind === 'integer' ? String(sums.integers[integer++]) : sums.floats[float++],
    ]),
  )
}
