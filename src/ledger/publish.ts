import { LedgerError } from '../domain/errors.js'
import type { PublishWay } from '../domain/options.js'
import type { FieldName } from '../domain/record.js'
import { antiJoin, type KnownRecords } from './anti-join.js'
import { type DriftMap, dayOf, groupKey } from './drift.js'
import { Evidence } from './evidence.js'
import { literal } from './identifiers.js'
import type { Ledger } from './ledger.js'
import type { TargetLock } from './lock.js'
import { lookForPublished } from './look.js'
import { insertPartition, refuseCounted } from './publish-insert.js'
import { movePartition } from './publish-move.js'
import { decideAllBatches, type PlannedGroup, planGroups, readPlan, writePlan } from './publish-plan.js'
import { type KnownSides, settleRollup } from './rollup-difference.js'
import type { BatchDecision, BatchVerdicts } from './rollup-rule.js'
import type { RollupShape } from './rollup-shape.js'
import { forgetRows, IDS_TABLE, readSteps, recordStep, type Step, type StepName } from './run-tables.js'
import { countRows } from './staged-counts.js'
import type { StagedPartition, Staging } from './staging.js'
import { holdsDoubled } from './surplus.js'

export interface PublishOptions {
  readonly ledger: Ledger
  readonly staging: Staging
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
  /** Partitions of the input with nothing new whose records are in `usage` more than once. */
  readonly doubled: readonly string[]
  /** R − U of days as it was seen after they were settled, where nobody else can have changed it since. */
  readonly drifts: ReadonlyMap<string, DriftMap>
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
  const staged = finished ? [] : await staging.partitions()
  const done: PublishedPartition[] = []

  const fresh = staged.filter(({ partitionId }) => has('planned', partitionId) === undefined)
  const doubled: string[] = []
  for (const partition of fresh) {
    await removeKnown(options, partition)
    if ((await refuseDoubled(options, partition.partitionId)) === 'doubled') doubled.push(partition.partitionId)
  }
  const verdicts = await batchVerdicts(options, has('batches', ''), fresh)
  if (options.way === 'insert' && !options.repairRollup) await refuseCounted(options, fresh, verdicts)

  // What has been moved would be merged beside what is still to be checked, by a process that ends right after.
  if (ledger.kind === 'embedded' && options.way === 'move')
    await ledger.command(`SYSTEM STOP MERGES ${ledger.table('usage')}`)
  const drifts = new Map<string, DriftMap>()
  const planned = steps.filter(({ step }) => step === 'planned')
  for (const { partitionId, payload } of planned) {
    const partition = { partitionId, ...(payload as PlannedPayload) }
    if (has('published', partitionId) === undefined) await put(options, partition, null)
    done.push(partition)
  }
  for (const partition of fresh) {
    options.signal.throwIfAborted()
    await options.lock.assertHeld()
    const plan = await planPartition(options, partition, verdicts)
    if (plan === null) continue
    const drift = await put(options, plan.partition, plan.known)
    if (drift !== null) drifts.set(partition.partitionId, drift)
    done.push(plan.partition)
    options.published(plan.partition)
  }
  const known = (await readSteps(ledger, staging.runId)).filter(({ step }) => step === 'known')
  if (!finished)
    await recordStep(ledger, options.spoolDir, staging.runId, { partitionId: '', step: 'finished', payload: null })
  return {
    partitions: done.sort((a, b) => a.minTsMs - b.minTsMs),
    inserted: done.reduce((sum, { ids }) => sum + ids, 0),
    differing: mergeKnown(known),
    doubled,
    drifts,
  }
}

/**
 * Whether a partition holds records more than once already. Where new ones are about to be published to it, throws
 * `refused`: if a pod inserted some of these again meanwhile, its copies could not be told from the earlier ones, which
 * the rollup may have counted or not. Nobody inserts again into an embedded ledger.
 */
async function refuseDoubled({ ledger, staging }: PublishOptions, partitionId: string): Promise<'doubled' | 'sound'> {
  if (ledger.kind === 'embedded' || !(await holdsDoubled(ledger, partitionId))) return 'sound'
  if ((await countRows(ledger, staging.tableName, partitionId)) === 0) return 'doubled'
  throw new LedgerError('refused', `\`usage\` holds records more than once on ${dayOf(partitionId)}`, {
    place: `${ledger.location}, ${ledger.database}.usage`,
    hint: 'stop the pods that still replay their WAL, look at `obleth-ledger repair --dry-run`, remove the copies with `obleth-ledger repair`, then run the same command again',
  })
}

async function removeKnown(options: PublishOptions, partition: StagedPartition): Promise<void> {
  const { ledger, staging, spoolDir, columns } = options
  await antiJoin(ledger, {
    staging: staging.tableName,
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
 * note of a partition holds all of it.
 */
function mergeKnown(steps: readonly Step[]): KnownRecords {
  const first = new Map<string, KnownRecords>()
  for (const { partitionId, payload } of steps)
    if (!first.has(partitionId)) first.set(partitionId, payload as KnownRecords)
  const all = [...first.values()]
  return {
    known: all.reduce((sum, { known }) => sum + known, 0),
    differing: all.reduce((sum, { differing }) => sum + differing, 0),
    examples: all.flatMap(({ examples }) => examples).slice(0, 5),
  }
}

/** The decisions about candidate batches: as an interrupted publish wrote them down, or made now and written down. */
async function batchVerdicts(
  { ledger, staging, shape, spoolDir }: PublishOptions,
  recorded: Step | undefined,
  fresh: readonly StagedPartition[],
): Promise<BatchVerdicts> {
  if (recorded !== undefined) {
    const { decisions, contradictory } = recorded.payload as VerdictsPayload
    return { decisions: new Map(decisions), contradictory: new Set(contradictory) }
  }
  if (shape === null || fresh.length === 0) return { decisions: new Map(), contradictory: new Set() }
  const evidence = new Evidence(ledger, shape, staging.runId, staging)
  const ids = fresh.map(({ partitionId }) => partitionId)
  const verdicts = await decideAllBatches(ledger, shape, evidence, ids)
  const payload: VerdictsPayload = {
    decisions: [...verdicts.decisions],
    contradictory: [...verdicts.contradictory],
  }
  await recordStep(ledger, spoolDir, staging.runId, { partitionId: '', step: 'batches', payload })
  return verdicts
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

/** Writes plan and ids of one partition to the target; null where nothing of it is new. */
async function planPartition(
  options: PublishOptions,
  partition: StagedPartition,
  verdicts: BatchVerdicts,
): Promise<Plan | null> {
  const { ledger, staging, shape, spoolDir, columns } = options
  const { partitionId, minTsMs, maxTsMs } = partition
  const run = { runId: staging.runId, partitionId }
  // In this order: what a pod inserts of ours is either counted here and then taken out of staging, or neither. Counted
  // and planned as well, it would look like lost rows ever after.
  const rowsBefore = await countRows(ledger, 'usage', partitionId)
  if (ledger.kind === 'server') await antiJoin(ledger, { staging: staging.tableName, partition, columns })
  const ids = await countRows(ledger, staging.tableName, partitionId)
  if (ids === 0) return null
  await refuseDoubled(options, partitionId)
  // Of a plan that was cut short before its `planned` step.
  await forgetRows(ledger, run.runId, partitionId)
  let groups: PlannedGroup[] = []
  if (shape !== null) {
    const evidence = new Evidence(ledger, shape, staging.runId, staging)
    groups = await planGroups(ledger, shape, evidence, partitionId, verdicts)
    await writePlan(ledger, spoolDir, run, shape, groups)
  }
  await ledger.command(
    `INSERT INTO ${ledger.table(IDS_TABLE)} (run, partition_id, request_id) ${ledger.settings({ async_insert: 0 })}
     SELECT ${literal(run.runId)}, ${literal(partitionId)}, request_id FROM ${ledger.table(staging.tableName)}
     WHERE _partition_id = ${literal(partitionId)}`,
  )
  const tenants = await tenantCounts(ledger, staging.tableName, partitionId, rowsBefore)
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

/** So many tenants are named one by one in the summary. */
const MOST_TENANTS = 10_000

async function tenantCounts(
  ledger: Ledger,
  staging: string,
  partitionId: string,
  rowsBefore: number,
): Promise<[tenant: string, before: number, added: number][]> {
  const count = (table: string, before: string, added: string) =>
    `SELECT tenant_id, ${before} AS b, ${added} AS a FROM ${ledger.table(table)}
     WHERE _partition_id = ${literal(partitionId)} GROUP BY tenant_id`
  const sides = [count(staging, '0', 'count()'), ...(rowsBefore === 0 ? [] : [count('usage', 'count()', '0')])]
  const rows = await ledger.rows<{ tenant: string; before: string; added: string }>(
    `SELECT toString(tenant_id) AS tenant, sum(b) AS before, sum(a) AS added FROM (${sides.join(' UNION ALL ')})
     GROUP BY tenant_id HAVING added > 0 ORDER BY added DESC, tenant LIMIT ${MOST_TENANTS}`,
  )
  return rows.map(({ tenant, before, added }) => [tenant, Number(before), Number(added)])
}
