import { LedgerError } from '../domain/errors.js'
import type { PublishWay } from '../domain/options.js'
import type { FieldName } from '../domain/record.js'
import { antiJoin, type KnownRecords } from './anti-join.js'
import { type DriftMap, groupKey } from './drift.js'
import { Evidence } from './evidence.js'
import { heldDoubled, noteDoubled } from './held-doubled.js'
import { literal } from './identifiers.js'
import type { Ledger } from './ledger.js'
import type { TargetLock } from './lock.js'
import { lookForPublished } from './look.js'
import { type LostRows, lostRows, type VerifiedPartition } from './lost-rows.js'
import { insertPartition, refuseCounted } from './publish-insert.js'
import { movePartition } from './publish-move.js'
import { decideAllBatches, type PlannedGroup, planGroups, readPlan, writePlan } from './publish-plan.js'
import { type KnownSides, settleRollup } from './rollup-difference.js'
import type { BatchDecision, BatchVerdicts } from './rollup-rule.js'
import type { RollupShape } from './rollup-shape.js'
import { forgetCutShort, IDS_TABLE, readSteps, recordStep, type Step, type StepName } from './run-tables.js'
import { countRows, stagedByTenant, tenantCounts } from './staged-counts.js'
import type { StagedPartition, Staging } from './staging.js'
import { holdsDoubled } from './surplus.js'

export interface PublishOptions {
  readonly ledger: Ledger
  readonly staging: Staging
  readonly partitions: readonly VerifiedPartition[]
  /** What staging holds, where this process has seen it and nobody else can have changed it. */
  readonly staged?: readonly StagedPartition[] | undefined
  readonly lock: TargetLock
  /** Null where the target has no rollup: then only `usage` is published to. */
  readonly shape: RollupShape | null
  readonly columns: readonly FieldName[]
  readonly way: PublishWay
  /** Whether rows may be inserted that the rollup has counted already, which is put right behind them. */
  readonly repairRollup: boolean
  /** For files of our own rows on their way to the target. */
  readonly spoolDir: string
  readonly signal: AbortSignal
  /** Told of each partition that this call has published. */
  published(partition: PublishedPartition): void
}

/** What a `planned` step holds: how the partition was before, and what is going to it. */
interface PlannedPayload {
  readonly minTsMs: number
  readonly maxTsMs: number
  /** Rows of the partition of `usage` before. */
  readonly rowsBefore: number
  readonly ids: number
  /** Rows before and new rows of each tenant that has new rows. */
  readonly tenants: readonly (readonly [tenant: string, before: number, added: number])[]
}

export interface PublishedPartition extends PlannedPayload {
  readonly partitionId: string
}

export interface PublishResult {
  readonly partitions: readonly PublishedPartition[]
  readonly inserted: number
  /** Records that the ledger had with other values, and some of their ids. */
  readonly differing: KnownRecords
  /** Partitions of the input whose records are in `usage` more than once. */
  readonly doubled: readonly string[]
  /** R − U of days as it was seen after they were settled, where nobody else can have changed it since. */
  readonly drifts: ReadonlyMap<string, DriftMap>
  /** Where staging no longer held what was verified: nothing was published from there on. Null where all is published. */
  readonly lost: LostRows | null
}

/**
 * Publishes a verified staging table, partition by partition: anti-join, plan, move or insert, look, rollup difference,
 * look.
 * Whatever interrupts it, the same run goes on where it was: the plan and the ids stand on the target before anything
 * moves, a planned partition is never planned anew, and every step looks at what is there before it acts.
 * Throws `refused` where rows went missing meanwhile, `target_locked` where the lock was broken.
 */
export async function publish(options: PublishOptions): Promise<PublishResult> {
  const { ledger, staging } = options
  const steps = await readSteps(ledger, staging.runId)
  const reached = new Map(steps.map((step) => [`${step.step} ${step.partitionId}`, step]))
  const has = (step: StepName, partitionId: string) => reached.get(`${step} ${partitionId}`)
  // A run that was cut short after its last partition may have dropped its staging table already.
  const finished = has('finished', '') !== undefined
  const staged = finished ? [] : (options.staged ?? (await staging.partitions()))
  const done: PublishedPartition[] = []

  const fresh = staged.filter(({ partitionId }) => has('planned', partitionId) === undefined)
  for (const partition of fresh) {
    const { partitionId } = partition
    const isDoubled = await noteDoubled(options, partitionId)
    await removeKnown(options, partition)
    if (isDoubled && (await countRows(ledger, staging.tableName, partitionId)) > 0)
      throw heldDoubled(ledger, partitionId)
  }
  const { verdicts, seen } = await batchVerdicts(options, has('batches', ''), fresh)
  if (options.way === 'insert' && !options.repairRollup) await refuseCounted(options, fresh, verdicts)

  // What has been moved would be merged beside what is still to be checked, by a process that ends right after.
  if (ledger.kind === 'embedded' && options.way === 'move')
    await ledger.command(`SYSTEM STOP MERGES ${ledger.table('usage')}`)
  const drifts = new Map<string, DriftMap>()
  const planned = steps.filter(({ step }) => step === 'planned')
  for (const { partitionId, payload } of planned) {
    const partition = { partitionId, ...(payload as PlannedPayload) }
    if (has('published', partitionId) === undefined) {
      await put(options, partition, null)
      options.published(partition)
    }
    done.push(partition)
  }
  let lost = (has('finished', '')?.payload ?? null) as LostRows | null
  for (const verified of options.partitions) {
    if (finished || has('planned', verified.partitionId) !== undefined) continue
    options.signal.throwIfAborted()
    await options.lock.assertHeld()
    const partition = fresh.find(({ partitionId }) => partitionId === verified.partitionId)
    const before = partition === undefined ? NOTHING_LEFT : await countBefore(options, partition)
    lost = await lostRows(ledger, staging, verified, before.ids)
    if (lost !== null) break
    if (partition === undefined || before.ids === 0) continue
    const plan = await planPartition(options, partition, before, verdicts, seen.get(partition.partitionId))
    const drift = await put(options, plan.partition, plan.known)
    if (drift !== null) drifts.set(verified.partitionId, drift)
    done.push(plan.partition)
    options.published(plan.partition)
  }
  const noted = await readSteps(ledger, staging.runId)
  const doubled: string[] = []
  for (const { step, partitionId } of noted)
    if (step === 'doubled' && (await holdsDoubled(ledger, partitionId))) doubled.push(partitionId)
  if (!finished)
    await recordStep(ledger, options.spoolDir, staging.runId, { partitionId: '', step: 'finished', payload: lost })
  return {
    partitions: done.sort((a, b) => a.minTsMs - b.minTsMs),
    inserted: done.reduce((sum, { ids }) => sum + ids, 0),
    differing: mergeKnown(noted.filter(({ step }) => step === 'known')),
    doubled,
    drifts,
    lost,
  }
}

async function removeKnown(options: PublishOptions, partition: StagedPartition): Promise<void> {
  const { ledger, staging, spoolDir, columns } = options
  await antiJoin(ledger, {
    staging,
    partition,
    columns,
    found: async (known) => {
      if (known.differing === 0) return
      await recordStep(ledger, spoolDir, staging.runId, {
        partitionId: partition.partitionId,
        step: 'known',
        payload: known,
      })
    },
  })
}

/**
 * Over all partitions. A removal that was cut short after it had been noted is noted again, with what it left: the first
 * note of a partition holds all of it, and is the one that is read.
 */
function mergeKnown(steps: readonly Step[]): KnownRecords {
  const all = steps.map(({ payload }) => payload as KnownRecords)
  return {
    known: all.reduce((sum, { known }) => sum + known, 0),
    differing: all.reduce((sum, { differing }) => sum + differing, 0),
    examples: all.flatMap(({ examples }) => examples).slice(0, 5),
  }
}

interface Verdicts {
  readonly verdicts: BatchVerdicts
  /** R − U of days, as it was seen on the way and nobody can have changed it. */
  readonly seen: ReadonlyMap<string, DriftMap>
}

/** The decisions about candidate batches: as an interrupted publish wrote them down, or made now and written down. */
async function batchVerdicts(
  { ledger, staging, shape, spoolDir }: PublishOptions,
  recorded: Step | undefined,
  fresh: readonly StagedPartition[],
): Promise<Verdicts> {
  if (recorded !== undefined) {
    const { decisions, contradictory } = recorded.payload as VerdictsPayload
    return { verdicts: { decisions: new Map(decisions), contradictory: new Set(contradictory) }, seen: new Map() }
  }
  if (shape === null || fresh.length === 0)
    return { verdicts: { decisions: new Map(), contradictory: new Set() }, seen: new Map() }
  const evidence = new Evidence(ledger, shape, staging.runId, staging)
  const ids = fresh.map(({ partitionId }) => partitionId)
  const { verdicts, drifts } = await decideAllBatches(ledger, shape, evidence, ids)
  const payload: VerdictsPayload = {
    decisions: [...verdicts.decisions],
    contradictory: [...verdicts.contradictory],
  }
  await recordStep(ledger, spoolDir, staging.runId, { partitionId: '', step: 'batches', payload })
  return { verdicts, seen: ledger.kind === 'embedded' ? drifts : new Map() }
}

interface VerdictsPayload {
  readonly decisions: readonly (readonly [number, BatchDecision])[]
  readonly contradictory: readonly number[]
}

interface Plan {
  readonly partition: PublishedPartition
  /** How the day will be once the partition is moved. */
  readonly known: KnownSides
}

interface Before {
  /** Rows of the partition of `usage`. */
  readonly rowsBefore: number
  /** Rows left in staging, of records that `usage` does not have. */
  readonly ids: number
}

const NOTHING_LEFT: Before = { rowsBefore: 0, ids: 0 }

async function countBefore(options: PublishOptions, partition: StagedPartition): Promise<Before> {
  const { ledger, staging, columns } = options
  const { partitionId } = partition
  // In this order: what a pod inserts of ours is either counted here and then taken out of staging, or neither. Counted
  // and planned as well, it would look like lost rows ever after.
  const rowsBefore = await countRows(ledger, 'usage', partitionId)
  if (ledger.kind === 'server') await antiJoin(ledger, { staging, partition, columns })
  return { rowsBefore, ids: await countRows(ledger, staging.tableName, partitionId) }
}

/** Writes plan and ids of one partition to the target. */
async function planPartition(
  options: PublishOptions,
  partition: StagedPartition,
  { rowsBefore, ids }: Before,
  verdicts: BatchVerdicts,
  seen: DriftMap | undefined,
): Promise<Plan> {
  const { ledger, staging, shape, spoolDir } = options
  const { partitionId, minTsMs, maxTsMs } = partition
  const run = { runId: staging.runId, partitionId }
  if (ledger.kind === 'server' && (await holdsDoubled(ledger, partitionId))) throw heldDoubled(ledger, partitionId)
  // Of a plan that was cut short before its `planned` step.
  await forgetCutShort(ledger, run.runId, partitionId, { run: run.runId, step: 'planned' })
  let groups: PlannedGroup[] = []
  let added: ReadonlyMap<string, number>
  if (shape === null) added = await stagedByTenant(ledger, staging.tableName, partitionId)
  else {
    const evidence = new Evidence(ledger, shape, staging.runId, staging)
    const planned = await planGroups(ledger, shape, evidence, partitionId, verdicts, seen)
    groups = planned.groups
    added = planned.tenants
    await writePlan(ledger, spoolDir, run, shape, groups)
  }
  await ledger.command(
    `INSERT INTO ${ledger.table(IDS_TABLE)} (run, partition_id, request_id) ${ledger.settings({ async_insert: 0 })}
     SELECT ${literal(run.runId)}, ${literal(partitionId)}, request_id FROM ${ledger.table(staging.tableName)}
     WHERE _partition_id = ${literal(partitionId)}`,
  )
  const tenants = await tenantCounts(ledger, partitionId, rowsBefore, added)
  const payload: PlannedPayload = { minTsMs, maxTsMs, rowsBefore, ids, tenants }
  await recordStep(ledger, spoolDir, run.runId, { partitionId, step: 'planned', payload })
  const lacking = new Map(groups.map((group) => [groupKey(group), group.lacking]))
  const raw = rowsBefore > 0 ? null : new Map(groups.map((group) => [groupKey(group), group]))
  return { partition: { partitionId, ...payload }, known: { lacking, raw } }
}

const MOST_SETTLE_ROUNDS = 6

function drainedAgain(ledger: Ledger, partitionId: string): LedgerError {
  return new LedgerError('refused', `pods keep inserting the records that are being published to ${partitionId}`, {
    place: `${ledger.location}, ${ledger.database}.usage`,
    hint: 'stop the pods that still replay their WAL, then run the same command again',
  })
}

/**
 * Puts a planned partition into `usage` and settles its rollup. `known`: from the plan made just now; null where an earlier
 * attempt may have put some of it there. Returns R − U of the day as it was seen last, where nobody else can change it.
 */
async function put(
  options: PublishOptions,
  partition: PublishedPartition,
  known: KnownSides | null,
): Promise<DriftMap | null> {
  const { ledger, staging, shape, spoolDir } = options
  const { partitionId } = partition
  await options.lock.assertHeld()
  // Nobody but this process writes to an embedded ledger: what was looked at a moment ago is still so. Views do, though.
  const alone = ledger.kind === 'embedded' && known !== null && options.way === 'move'
  if (options.way === 'insert') await insertPartition(options, partition)
  else await movePartition(options, partition, alone)
  await lookForPublished(ledger, staging.runId, partition, alone)
  let drift: DriftMap | null = null
  if (shape !== null) {
    const plan = await readPlan(ledger, { runId: staging.runId, partitionId }, shape)
    for (let round = 0; ; round++) {
      drift = await settleRollup(ledger, spoolDir, shape, partitionId, plan, alone ? known : null)
      // What a pod inserted again meanwhile was counted by the view; without its copies the rollup is too high.
      if (alone || !(await lookForPublished(ledger, staging.runId, partition, alone))) break
      if (round === MOST_SETTLE_ROUNDS) throw drainedAgain(ledger, partitionId)
    }
  }
  await recordStep(ledger, spoolDir, staging.runId, { partitionId, step: 'published', payload: null })
  return alone ? drift : null
}
