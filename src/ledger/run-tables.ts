import { ROLLUP_COLUMNS } from '../domain/rollup.js'
import { literal } from './identifiers.js'
import { insertRows } from './insert-rows.js'
import type { Ledger } from './ledger.js'
import { DURABLE } from './settings.js'

/**
 * What the runs remember on the target, beside the data it is about, so that nothing depends on a file elsewhere:
 * the ids each run published, the plan of each partition, and how far each got. Rows are only added; a plan is valid
 * once its `planned` step is there, and is never worked out anew.
 */
export const IDS_TABLE = 'usage_replay_ids'
export const PLAN_TABLE = 'usage_replay_plan'
export const STEPS_TABLE = 'usage_replay_steps'

export const PLAN_COLUMNS = [
  { name: 'run', type: 'String' },
  { name: 'partition_id', type: 'String' },
  { name: 'tenant_id', type: 'UUID' },
  { name: 'key_id', type: 'UUID' },
  { name: 'model', type: 'String' },
  /** proven, assumed, or mismatch with its reason. */
  { name: 'decision', type: 'String' },
  /** Requests that the rollup is too low, or too high, by at most, where the decision rests on an assumption. */
  { name: 'low_requests', type: 'Int64' },
  { name: 'high_requests', type: 'Int64' },
  ...ROLLUP_COLUMNS.flatMap(({ name, kind }) => {
    const type = kind === 'integer' ? 'Int64' : 'Float64'
    return [
      /** R − U before anything was published. */
      { name: `before_${name}`, type },
      /** R − U that shall remain. */
      { name: `remain_${name}`, type },
    ]
  }),
]

const STEP_COLUMNS = [
  { name: 'run', type: 'String' },
  { name: 'partition_id', type: 'String' },
  { name: 'step', type: 'String' },
  { name: 'payload', type: 'String' },
]

/**
 * batches: the candidate batches are decided. known: what the ledger had already. Both with a payload.
 * doubled: the ledger has records of the partition more than once.
 * finished: every partition is published, nothing in staging is needed any more.
 * undo_planned, undone: the same two for taking a partition back; undone without a partition: the whole run.
 * repair_planned, repaired: the same of a repair, under a name of its own.
 */
export type StepName =
  | 'batches'
  | 'known'
  | 'doubled'
  | 'planned'
  | 'published'
  | 'finished'
  | 'undo_planned'
  | 'undone'
  | 'repair_planned'
  | 'repaired'

export interface Step {
  readonly partitionId: string
  readonly step: StepName
  readonly payload: unknown
}

/** Makes the tables where they are missing. Returns whether they were there before, so that they may hold something. */
export async function createRunTables(ledger: Ledger): Promise<boolean> {
  const existed = await hasRunTables(ledger)
  const columns = (list: readonly { name: string; type: string }[]) =>
    list.map(({ name, type }) => `${name} ${type}`).join(', ')
  await ledger.command(
    `CREATE TABLE IF NOT EXISTS ${ledger.table(IDS_TABLE)}
     (run LowCardinality(String), partition_id LowCardinality(String), request_id UUID)
     ENGINE = MergeTree ORDER BY (run, partition_id) SETTINGS ${DURABLE}`,
  )
  await ledger.command(
    `CREATE TABLE IF NOT EXISTS ${ledger.table(PLAN_TABLE)} (${columns(PLAN_COLUMNS)})
     ENGINE = MergeTree ORDER BY (run, partition_id, tenant_id, key_id, model) SETTINGS ${DURABLE}`,
  )
  await ledger.command(
    `CREATE TABLE IF NOT EXISTS ${ledger.table(STEPS_TABLE)}
     (${columns(STEP_COLUMNS)}, at DateTime64(3) DEFAULT now64(3)) ENGINE = MergeTree ORDER BY (run, partition_id, at)
     SETTINGS ${DURABLE}`,
  )
  return existed
}

/** Whether any run has made them: a mere look makes none. */
export async function hasRunTables(ledger: Ledger): Promise<boolean> {
  const rows = await ledger.rows(
    `SELECT 1 AS found FROM system.tables
     WHERE database = ${literal(ledger.database)} AND name = ${literal(STEPS_TABLE)}`,
  )
  return rows.length > 0
}

export async function recordStep(ledger: Ledger, spoolDir: string, runId: string, step: Step): Promise<void> {
  const row = {
    run: runId,
    partition_id: step.partitionId,
    step: step.step,
    payload: JSON.stringify(step.payload ?? null),
  }
  await insertRows(ledger, spoolDir, STEPS_TABLE, STEP_COLUMNS, [row])
}

/** The steps of a run in their order; of one that was recorded twice, since its answer was lost, the first. */
export async function readSteps(ledger: Ledger, runId: string): Promise<Step[]> {
  const rows = await ledger.rows<{ partition_id: string; step: StepName; payload: string }>(
    `SELECT partition_id, step, payload FROM ${ledger.table(STEPS_TABLE)} WHERE run = ${literal(runId)} ORDER BY at
     LIMIT 1 BY step, partition_id`,
  )
  return rows.map(({ partition_id, step, payload }) => ({
    partitionId: partition_id,
    step,
    payload: JSON.parse(payload) as unknown,
  }))
}

/**
 * Takes the rows of a run's partition out of the tables of plans and ids, which an attempt left that was cut short before
 * the `step` of `run` that makes them valid. Asks for that step itself, so that one which comes late takes no valid plan away.
 */
export async function forgetCutShort(
  ledger: Ledger,
  planId: string,
  partitionId: string,
  { run, step }: { readonly run: string; readonly step: StepName },
): Promise<void> {
  const valid = `SELECT partition_id FROM ${ledger.table(STEPS_TABLE)}
    WHERE run = ${literal(run)} AND step = ${literal(step)}`
  await forget(ledger, `${ofPartition(planId, partitionId)} AND partition_id NOT IN (${valid})`)
}

/** Whether a run was taken back whole: nothing of it is to be gone on with. */
export async function isUndone(ledger: Ledger, runId: string): Promise<boolean> {
  if (!(await hasRunTables(ledger))) return false
  const steps = await readSteps(ledger, runId)
  return steps.some(({ step, partitionId }) => step === 'undone' && partitionId === '')
}

/** Takes the rows of a run, or of one of its partitions, out of the tables of plans and ids. */
export async function forgetRows(ledger: Ledger, runId: string, partitionId?: string): Promise<void> {
  await forget(ledger, partitionId === undefined ? `run = ${literal(runId)}` : ofPartition(runId, partitionId))
}

const ofPartition = (run: string, partitionId: string): string =>
  `run = ${literal(run)} AND partition_id = ${literal(partitionId)}`

async function forget(ledger: Ledger, mine: string): Promise<void> {
  const left = await ledger.rows<{ name: string }>(
    [PLAN_TABLE, IDS_TABLE]
      .map((name) => `SELECT ${literal(name)} AS name FROM ${ledger.table(name)} WHERE ${mine} GROUP BY name`)
      .join(' UNION ALL '),
  )
  for (const { name } of left)
    await ledger.command(`ALTER TABLE ${ledger.table(name)} DELETE WHERE ${mine} SETTINGS mutations_sync = 2`)
}

/** A condition on request_id that holds for one in `portions` of all ids: keeps sets of ids in memory small. */
export function portion(number: number, portions: number): string {
  return portions === 1 ? '1' : `cityHash64(request_id) % ${portions} = ${number}`
}

const IDS_AT_ONCE = 1_000_000

/** Into how many portions that many ids are cut. */
export function portionsFor(ids: number): number {
  return Math.max(1, Math.ceil(ids / IDS_AT_ONCE))
}
