import { LedgerError } from '../domain/errors.js'
import type { DoubledDay } from '../domain/repair.js'
import { type Sums, zeroSums } from '../domain/rollup.js'
import { deduplicate } from './deduplicate.js'
import { type DriftMap, dayOf, settledDrift } from './drift.js'
import type { Ledger } from './ledger.js'
import type { TargetLock } from './lock.js'
import { type PlanEntry, readPlan, writePlan } from './publish-plan.js'
import { decideSurplus, driftAfterRepair, type SurplusDecision } from './repair-rule.js'
import { leftByRuns } from './rollup-check.js'
import { settleRollup, type WantedDrift } from './rollup-difference.js'
import type { RollupShape } from './rollup-shape.js'
import { forgetCutShort, forgetRows, readSteps, recordStep, type StepName } from './run-tables.js'
import { deleteLosingVersions, findSurplus, type Surplus, type SurplusColumns } from './surplus.js'

export interface RepairTarget {
  readonly ledger: Ledger
  readonly columns: SurplusColumns
  /** Null where the target has no rollup. */
  readonly shape: RollupShape | null
  /** Partitions whose rollup a run, or an undo, that has not finished will settle. */
  readonly unsettled: ReadonlySet<string>
}

export interface RepairOptions extends RepairTarget {
  /** Name of this repair on the target; one that was cut short goes on under its own. */
  readonly repairId: string
  readonly lock: TargetLock
  /** For files of our own rows on their way to the target. */
  readonly spoolDir: string
  readonly signal: AbortSignal
}

interface PlannedRepair {
  readonly day: DoubledDay
  /** R − U as it was seen; empty where the rollup is left alone. */
  readonly drift: DriftMap
  readonly entries: readonly PlanEntry[]
}

/** What a partition holds twice, and what is to be done about it; null where nothing is. */
export async function planRepair(target: RepairTarget, partitionId: string): Promise<PlannedRepair | null> {
  const { ledger, columns, shape, unsettled } = target
  const surplus = await findSurplus(ledger, partitionId, columns, shape)
  if (surplus === null) return null
  const rollup = { lowered: 0, kept: 0, unproven: 0, leftToRun: 0 }
  const entries: PlanEntry[] = []
  let drift: DriftMap = new Map()
  if (shape !== null && unsettled.has(partitionId)) rollup.leftToRun = surplus.groups.size
  else if (shape !== null) {
    drift = await settledDrift(ledger, shape, partitionId)
    const left = await leftByRuns(ledger, shape, partitionId)
    for (const [key, group] of surplus.groups) {
      const before = drift.get(key)?.drift ?? zeroSums(group.sums)
      const decision = decideSurplus(before, group.sums, left.get(key))
      rollup[OUTCOME[decision]]++
      entries.push(entry(group, before, driftAfterRepair(before, group.sums, decision)))
    }
    // Those that differ for reasons of their own keep their difference, whatever a pod adds to them meanwhile.
    for (const [key, { group, drift: before }] of drift)
      if (!surplus.groups.has(key)) entries.push(entry(group, before, before))
  }
  return { day: doubledDay(surplus, rollup), drift, entries }
}

/**
 * Takes the rows too many out of one partition and puts its rollup right: plan, removal, difference, look again. Looks
 * before it acts, so whatever interrupts it, the same call goes on; a plan that stands on the target is carried out as
 * it is. Returns the number of rows that the repair removed, in earlier calls too. Throws `refused` where pods insert such rows faster than they can be removed.
 */
export async function repairPartition(options: RepairOptions, partitionId: string): Promise<number> {
  const { ledger, shape, unsettled, repairId, lock, spoolDir, signal, columns } = options
  const steps = await readSteps(ledger, repairId)
  const find = (name: StepName) => steps.find((step) => step.step === name && step.partitionId === partitionId)
  const known = find('repair_planned')?.payload as DoubledDay | undefined
  if (find('repaired') !== undefined) return known === undefined ? 0 : rowsTooMany(known)
  await lock.assertHeld()
  const planned = known ?? (await writeRepair(options, partitionId))
  if (planned === null) return 0
  let removed = 0
  for (let round = 0; ; round++) {
    signal.throwIfAborted()
    await lock.assertHeld()
    const surplus = await findSurplus(ledger, partitionId, columns, null)
    if (surplus !== null) {
      if (round === MOST_ROUNDS) throw insertedAgain(ledger, partitionId)
      if (surplus.versions > 0) await deleteLosingVersions(ledger, partitionId, columns)
      await deduplicate(ledger, partitionId)
      removed += rowsTooMany(surplus)
    } else if (round > 0) break
    if (shape !== null && !unsettled.has(partitionId)) await settle(options, shape, partitionId)
  }
  await recordStep(ledger, spoolDir, repairId, { partitionId, step: 'repaired', payload: null })
  // Its entries name drifts of a moment; those of runs are what is asked later.
  await forgetRows(ledger, repairId, partitionId)
  // Those that were removed by a statement whose answer was lost were not seen again.
  return Math.max(removed, rowsTooMany(planned))
}

const rowsTooMany = ({ copies, versions }: Pick<DoubledDay, 'copies' | 'versions'>): number => copies + versions

const MOST_ROUNDS = 6

const OUTCOME = { counted: 'lowered', uncounted: 'kept', unproven: 'unproven' } as const satisfies Record<
  SurplusDecision,
  keyof DoubledDay['rollup']
>

/** The plan of a partition, which stands on the target now; null where there is nothing to repair. */
async function writeRepair(options: RepairOptions, partitionId: string): Promise<DoubledDay | null> {
  const { ledger, shape, spoolDir, repairId } = options
  // Of an attempt that was cut short before its step.
  await forgetCutShort(ledger, repairId, partitionId, { run: repairId, step: 'repair_planned' })
  const plan = await planRepair(options, partitionId)
  if (plan === null) return null
  if (shape !== null) await writePlan(ledger, spoolDir, { runId: repairId, partitionId }, shape, plan.entries)
  await recordStep(ledger, spoolDir, repairId, { partitionId, step: 'repair_planned', payload: plan.day })
  return plan.day
}

/**
 * Brings the groups to the drift planned. A group that is not in the plan had no drift before: what it has now came from
 * copies that a pod inserted behind the plan, and that were removed with the others.
 */
async function settle(
  { ledger, repairId, spoolDir }: RepairOptions,
  shape: RollupShape,
  partitionId: string,
): Promise<void> {
  const wanted: Map<string, WantedDrift> = await readPlan(ledger, { runId: repairId, partitionId }, shape)
  const now: DriftMap = await settledDrift(ledger, shape, partitionId)
  for (const [key, { group, drift }] of now)
    if (!wanted.has(key)) wanted.set(key, { ...group, remain: zeroSums(drift) })
  await settleRollup(ledger, spoolDir, shape, partitionId, wanted)
}

function entry(group: Omit<WantedDrift, 'remain'>, before: Sums, remain: Sums): PlanEntry {
  const { tenant, key, model } = group
  return { tenant, key, model, decision: 'proven', before, remain, lowRequests: 0n, highRequests: 0n }
}

function doubledDay(surplus: Surplus, rollup: DoubledDay['rollup']): DoubledDay {
  const { partitionId, records, copies, versions, tokens, costUsd } = surplus
  return { day: dayOf(partitionId), records, copies, versions, tokens, costUsd, rollup }
}

function insertedAgain(ledger: Ledger, partitionId: string): LedgerError {
  return new LedgerError(
    'refused',
    `pods keep inserting records again that are in \`usage\` on ${dayOf(partitionId)}`,
    {
      place: `${ledger.location}, ${ledger.database}.usage`,
      hint: 'stop the pods that still replay their WAL, then run the same command again',
    },
  )
}
