import { type Sums, zeroSums } from '../domain/rollup.js'
import { type DriftMap, type Group, groupKey, settledDrift } from './drift.js'
import { literal } from './identifiers.js'
import type { Ledger } from './ledger.js'
import { type Patience, patiently } from './patiently.js'
import { readPlan } from './publish-plan.js'
import { settleRollup, type WantedDrift } from './rollup-difference.js'
import { canBeRaised } from './rollup-rule.js'
import type { RollupShape } from './rollup-shape.js'
import { hasRunTables, PLAN_TABLE, STEPS_TABLE } from './run-tables.js'

/** A group in which rollup and raw table differ. */
export interface DriftingGroup extends Group {
  /** R − U. */
  readonly drift: Sums
  /** What a replay decided here, where one left the group as it is. */
  readonly left: LeftAlone | null
}

export interface LeftAlone {
  readonly run: string
  readonly decision: string
  /** Requests by which the rollup may be too low, or too high, at most. */
  readonly lowRequests: number
  readonly highRequests: number
}

/**
 * Compares the rollup with the raw table, day by day, every group whether or not it has new rows. `seen`: R − U of days
 * that was read a moment ago and that nobody can have changed. In the order of days, tenants, keys and models.
 */
export async function compareRollup(
  ledger: Ledger,
  shape: RollupShape,
  partitionIds: readonly string[],
  seen: ReadonlyMap<string, DriftMap> = new Map(),
): Promise<DriftingGroup[]> {
  const found: DriftingGroup[] = []
  for (const partitionId of partitionIds) {
    const drift = seen.get(partitionId) ?? (await settledDrift(ledger, shape, partitionId))
    if (drift.size === 0) continue
    const left = await leftAlone(ledger, partitionId)
    for (const [key, entry] of [...drift].sort(([a], [b]) => (a < b ? -1 : 1)))
      found.push({ ...entry.group, drift: entry.drift, left: left.get(key) ?? null })
  }
  return found
}

/**
 * Raises the rollup of the days to the raw table, in those groups where no sum would be lowered and that no replay left
 * alone on purpose. Returns the number of groups raised.
 */
export async function raiseRollup(
  ledger: Ledger,
  spoolDir: string,
  shape: RollupShape,
  partitionIds: readonly string[],
  patience: Patience,
): Promise<number> {
  const settle = (partitionId: string) =>
    settleDay(ledger, spoolDir, shape, partitionId, patience, async (drift) =>
      drift.size === 0 ? new Map() : raisable(drift, await leftAlone(ledger, partitionId)),
    )
  let raised = 0
  for (const partitionId of partitionIds) raised += await settle(partitionId)
  return raised
}

/** Brings the groups of a day that `choose` picks to the drift that it wants. Returns their number. */
async function settleDay(
  ledger: Ledger,
  spoolDir: string,
  shape: RollupShape,
  partitionId: string,
  patience: Patience,
  choose: (drift: DriftMap) => Promise<Map<string, WantedDrift>>,
): Promise<number> {
  // Chosen once: a group that an insert has settled whose answer was lost is one of those that were settled.
  const wanted = await patiently(ledger, patience, async () => choose(await settledDrift(ledger, shape, partitionId)))
  if (wanted.size > 0)
    await patiently(ledger, patience, () => settleRollup(ledger, spoolDir, shape, partitionId, wanted))
  return wanted.size
}

/**
 * Brings the rollup of the groups that `isNamed` picks to their raw rows, also where that lowers it. Returns the number of
 * groups. What a sum that is too high stands for, nobody can tell from the ledger: the user names the group.
 */
export async function levelRollup(
  ledger: Ledger,
  spoolDir: string,
  shape: RollupShape,
  partitionIds: readonly string[],
  isNamed: (group: Group) => boolean,
  patience: Patience,
): Promise<number> {
  const level = async (drift: DriftMap) => {
    const named = [...drift].filter(([, { group }]) => isNamed(group))
    return new Map(named.map(([key, entry]) => [key, { ...entry.group, remain: zeroSums(entry.drift) }]))
  }
  let levelled = 0
  for (const partitionId of partitionIds)
    levelled += await settleDay(ledger, spoolDir, shape, partitionId, patience, level)
  return levelled
}

function raisable(drift: DriftMap, left: ReadonlyMap<string, LeftAlone>): Map<string, WantedDrift> {
  const wanted = new Map<string, WantedDrift>()
  for (const [key, { group, drift: sums }] of drift) {
    if (!canBeRaised(sums) || left.has(key)) continue
    wanted.set(key, { ...group, remain: zeroSums(sums) })
  }
  return wanted
}

/** The groups of a day that replays left with a drift, by their latest plan. */
async function leftAlone(ledger: Ledger, partitionId: string): Promise<Map<string, LeftAlone>> {
  if (!(await hasRunTables(ledger))) return new Map()
  const rows = await ledger.rows<{
    tenant: string
    key: string
    model: string
    last_run: string
    last_decision: string
    low: string
    high: string
  }>(
    `SELECT toString(tenant_id) AS tenant, toString(key_id) AS key, model, any(run) AS last_run,
       any(decision) AS last_decision, sum(low_requests) AS low, sum(high_requests) AS high
     FROM ${ledger.table(PLAN_TABLE)}
     WHERE partition_id = ${literal(partitionId)} AND decision != 'proven' GROUP BY tenant_id, key_id, model`,
  )
  return new Map(
    rows.map(({ last_run: run, last_decision: decision, low, high, ...group }) => [
      groupKey(group),
      { run, decision, lowRequests: Number(low), highRequests: Number(high) },
    ]),
  )
}

/** R − U that the last run that published to a partition left in its groups, those of runs taken back apart. */
export async function leftByRuns(ledger: Ledger, shape: RollupShape, partitionId: string): Promise<Map<string, Sums>> {
  if (!(await hasRunTables(ledger))) return new Map()
  const runs = await ledger.rows<{ run: string }>(
    `SELECT run FROM ${ledger.table(STEPS_TABLE)}
     WHERE partition_id = ${literal(partitionId)} AND step IN ('published', 'undone')
     GROUP BY run HAVING countIf(step = 'undone') = 0 ORDER BY max(at)`,
  )
  const left = new Map<string, Sums>()
  for (const { run: runId } of runs)
    for (const [key, { remain }] of await readPlan(ledger, { runId, partitionId }, shape)) left.set(key, remain)
  return left
}

/**
 * Days (as partition ids) that the rollup knows and `usage` has no row of, though it has older ones: raw rows were lost
 * there. Days before its oldest row are past retention, which the rollup keeps for ever.
 */
export async function lostDays(ledger: Ledger): Promise<string[]> {
  const held = heldDays(ledger)
  const rows = await ledger.rows<{ id: string }>(
    `SELECT DISTINCT toString(toYYYYMMDD(day)) AS id FROM ${ledger.table('usage_daily')}
     WHERE requests > 0 AND toString(toYYYYMMDD(day)) > (SELECT min(id) FROM (${held}))
       AND toString(toYYYYMMDD(day)) GLOBAL NOT IN (${held}) ORDER BY id`,
  )
  return rows.map(({ id }) => id)
}

/** Days (as partition ids) that `usage` holds rows of. */
export async function rawPartitions(ledger: Ledger): Promise<string[]> {
  const rows = await ledger.rows<{ id: string }>(`SELECT id FROM (${heldDays(ledger)}) ORDER BY id`)
  return rows.map(({ id }) => id)
}

/** Counted, which ClickHouse takes from its parts; where it is asked for the ids alone it goes over every row. */
const heldDays = (ledger: Ledger): string =>
  `SELECT _partition_id AS id FROM ${ledger.table('usage')} GROUP BY id HAVING count() > 0`
