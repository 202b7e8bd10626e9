import { LedgerError } from '../domain/errors.js'
import { addSums, subtractSums, zeroSums } from '../domain/rollup.js'
import type { Undone } from '../domain/runs.js'
import { dayOf, settledDrift } from './drift.js'
import { literal } from './identifiers.js'
import type { Ledger } from './ledger.js'
import type { TargetLock } from './lock.js'
import { countIds } from './look.js'
import { readPlan, writePlan } from './publish-plan.js'
import { settleRollup } from './rollup-difference.js'
import type { RollupShape } from './rollup-shape.js'
import {
  forgetCutShort,
  forgetRows,
  IDS_TABLE,
  portion,
  portionsFor,
  readSteps,
  recordStep,
  type StepName,
} from './run-tables.js'

export interface UndoOptions {
  readonly ledger: Ledger
  readonly runId: string
  readonly lock: TargetLock
  /** Null where the target has no rollup. */
  readonly shape: RollupShape | null
  /** For files of our own rows on their way to the target. */
  readonly spoolDir: string
  readonly signal: AbortSignal
  /** Told when a day is taken back for good. */
  progressed(): void
}

interface PlannedDay {
  readonly partitionId: string
  readonly minTsMs: number
  readonly maxTsMs: number
  readonly rowsBefore: number
  readonly ids: number
}

interface UndoPayload {
  /** Ids of the run that were there, and those that were not any more. */
  readonly removed: number
  readonly gone: number
}

/**
 * Takes back what a run published, if it finished or not: removes the rows whose ids its table lists, and brings each group's R − U to where it
 * would be without the run, which is the drift that is there now plus the one that the run took away. By ids and by
 * differences, so that foreign rows stay and foreign traffic disturbs nothing. The last day first; whatever interrupts
 * it, the same call goes on. Throws `refused` where an id is in `usage` more than once: one of the copies may be a pod's.
 *
 * A pod that inserts one of these very records between the look and the removal loses it: its WAL still has it.
 */
export async function undoRun(options: UndoOptions): Promise<Undone> {
  const { ledger, runId, lock, signal } = options
  const steps = await readSteps(ledger, runId)
  const find = (name: StepName, partitionId: string) =>
    steps.find((step) => step.step === name && step.partitionId === partitionId)
  const planned = new Map<string, PlannedDay>()
  for (const { step, partitionId, payload } of steps)
    if (step === 'planned') planned.set(partitionId, { partitionId, ...(payload as Omit<PlannedDay, 'partitionId'>) })
  // Every day is looked at, then every plan is written, before the first is touched: a refusal leaves all as it was.
  const latestFirst = [...planned.values()].sort((a, b) => b.minTsMs - a.minTsMs)
  const found = new Map<string, UndoPayload>()
  for (const day of latestFirst) {
    signal.throwIfAborted()
    const known = find('undo_planned', day.partitionId)?.payload as UndoPayload | undefined
    found.set(day.partitionId, known ?? (await lookForDay(options, day)))
  }
  for (const [partitionId, payload] of found) {
    await lock.assertHeld()
    if (find('undo_planned', partitionId) !== undefined) continue
    await planDay(options, partitionId, payload, find('published', partitionId) !== undefined)
  }
  for (const day of latestFirst) {
    signal.throwIfAborted()
    await lock.assertHeld()
    if (find('undone', day.partitionId) !== undefined) continue
    await takeBack(options, day)
    options.progressed()
  }
  // The ids last: as long as one is listed, a later replay takes its record for counted.
  await forgetRows(ledger, runId)
  await forgetRows(ledger, undoName(runId))
  if (find('undone', '') === undefined)
    await recordStep(ledger, options.spoolDir, runId, { partitionId: '', step: 'undone', payload: null })
  const days = [...found].reverse().map(([partitionId, payload]) => ({ day: dayOf(partitionId), ...payload }))
  return {
    runId,
    days,
    removed: days.reduce((sum, { removed }) => sum + removed, 0),
    gone: days.reduce((sum, { gone }) => sum + gone, 0),
  }
}

/** Under this name the plan table holds the drift that a day shall have once it is taken back. */
const undoName = (runId: string): string => `undo ${runId}`

async function lookForDay({ ledger, runId }: UndoOptions, day: PlannedDay): Promise<UndoPayload> {
  const { present, doubled } = await countIds(ledger, runId, day)
  if (doubled === 0) return { removed: present, gone: day.ids - present }
  throw new LedgerError(
    'refused',
    `${doubled} records of the run are in \`usage\` more than once on ${dayOf(day.partitionId)}`,
    {
      place: `${ledger.location}, ${ledger.database}.usage`,
      hint: 'a pod inserted them again: stop the pods that hold these records in their WAL, remove the copies with `obleth-ledger repair`, then undo again',
    },
  )
}

async function planDay(
  { ledger, runId, shape, spoolDir }: UndoOptions,
  partitionId: string,
  payload: UndoPayload,
  published: boolean,
): Promise<void> {
  if (shape !== null) {
    // Of an attempt that was cut short before its step.
    await forgetCutShort(ledger, undoName(runId), partitionId, { run: runId, step: 'undo_planned' })
    const plan = await readPlan(ledger, { runId, partitionId }, shape)
    // A day whose publishing stopped half way is brought to its plan first: what that took away is known then.
    if (!published) await settleRollup(ledger, spoolDir, shape, partitionId, plan)
    const now = await settledDrift(ledger, shape, partitionId)
    const groups = [...plan].map(([key, { before, remain, ...group }]) => {
      const drift = now.get(key)?.drift ?? zeroSums(before)
      return { ...group, before: drift, remain: addSums(drift, subtractSums(before, remain)), ...NO_BOUNDS }
    })
    await writePlan(ledger, spoolDir, { runId: undoName(runId), partitionId }, shape, groups)
  }
  await recordStep(ledger, spoolDir, runId, { partitionId, step: 'undo_planned', payload })
}

const NO_BOUNDS = { decision: 'proven', lowRequests: 0n, highRequests: 0n }

async function takeBack({ ledger, runId, shape, spoolDir }: UndoOptions, day: PlannedDay): Promise<void> {
  const { partitionId } = day
  const portions = portionsFor(day.ids)
  for (let i = 0; i < portions; i++)
    await ledger.command(
      `ALTER TABLE ${ledger.table('usage')} DELETE IN PARTITION ID ${literal(partitionId)}
       WHERE request_id IN (SELECT request_id FROM ${ledger.table(IDS_TABLE)}
         WHERE run = ${literal(runId)} AND partition_id = ${literal(partitionId)} AND ${portion(i, portions)})
       SETTINGS mutations_sync = 2`,
    )
  const { present } = await countIds(ledger, runId, day)
  if (present > 0)
    throw new LedgerError('refused', `${present} records of the run came back while it was undone`, {
      place: `${ledger.location}, ${ledger.database}.usage, partition ${partitionId}`,
      hint: 'stop the pods that hold these records in their WAL, then run the same command again',
    })
  if (shape !== null) {
    const wanted = await readPlan(ledger, { runId: undoName(runId), partitionId }, shape)
    await settleRollup(ledger, spoolDir, shape, partitionId, wanted)
  }
  await recordStep(ledger, spoolDir, runId, { partitionId, step: 'undone', payload: null })
}
