import { LedgerError } from '../domain/errors.js'
import type { Emit } from '../domain/events.js'
import type { TargetOptions } from '../domain/options.js'
import type { RunDetails, RunEntry, RunsOutcome, Undone } from '../domain/runs.js'
import { connect } from '../ledger/connect.js'
import { assertMutable } from '../ledger/engine-family.js'
import { inspectTarget } from '../ledger/inspect-target.js'
import type { Ledger } from '../ledger/ledger.js'
import { refuseLiving, TargetLock } from '../ledger/lock.js'
import { patiently } from '../ledger/patiently.js'
import { rollupShape } from '../ledger/rollup-shape.js'
import { listRuns, showRun } from '../ledger/runs.js'
import { Staging } from '../ledger/staging.js'
import { undoRun } from '../ledger/undo.js'
import { refuseUnfinishedRuns } from '../ledger/unfinished.js'
import { withSpool } from './spool.js'

/** What `runs discard` and `runs undo` need beside the target. */
export interface ChangeRunOptions {
  readonly breakLock: boolean
  readonly stateDir: string
  readonly signal: AbortSignal
  /** Told where the target has to be waited for. */
  readonly emit: Emit
  /** Asked once, before anything is changed; false means no. */
  confirm(run: RunEntry): Promise<boolean>
}

/** All runs that the target knows of. Throws the errors of the connection. */
export async function runsList(target: TargetOptions): Promise<RunsOutcome<readonly RunEntry[]>> {
  return await askTarget(target, listRuns)
}

/** One run, day by day. Throws `usage` where the target knows no such run. */
export async function runsShow(target: TargetOptions, runId: string): Promise<RunsOutcome<RunDetails>> {
  return await askTarget(target, async (ledger) => (await showRun(ledger, runId)) ?? unknown(ledger, runId))
}

/**
 * Drops the staging tables of a run that has published nothing of them. Throws `refused` where it has begun to publish,
 * `target_locked` where it is running.
 */
export async function runsDiscard(
  target: TargetOptions,
  runId: string,
  options: ChangeRunOptions,
): Promise<RunsOutcome<RunEntry>> {
  return await askTarget(target, async (ledger) => {
    const run = find(await listRuns(ledger), runId, ledger)
    refuseDiscard(ledger, run)
    await change(ledger, run, options, async () => {
      // Asked again: the run may have begun to publish between the first look and the lock.
      await patiently(ledger, options, async () => refuseDiscard(ledger, find(await listRuns(ledger), runId, ledger)))
      await patiently(ledger, options, () => new Staging(ledger, runId).drop())
    })
    return run
  })
}

/** Takes back what a run published, see {@link undoRun}. Throws `refused` where a later run is in the way. */
export async function runsUndo(
  target: TargetOptions,
  runId: string,
  options: ChangeRunOptions,
): Promise<RunsOutcome<Undone>> {
  return await askTarget(target, async (ledger) => {
    const [run, later] = await withLaterRuns(ledger, runId)
    refuseUndo(ledger, run, later)
    const state = await inspectTarget(ledger)
    if (state.usage !== null) assertMutable(state.usage)
    return await change(ledger, run, options, (lock) =>
      withSpool(options.stateDir, runId, (spoolDir) =>
        patiently(ledger, options, async ({ progressed }) => {
          await refuseUnfinishedRuns(ledger, runId, ['publish', 'undo'])
          // Asked again: a replay may have published between the first look and the lock.
          refuseUndo(ledger, ...(await withLaterRuns(ledger, runId)))
          const shape = rollupShape(state)
          const undone = await undoRun({ ledger, runId, lock, shape, spoolDir, signal: options.signal, progressed })
          // What a run staged that had not finished.
          await new Staging(ledger, runId, options).drop()
          return undone
        }),
      ),
    )
  })
}

function refuseDiscard(ledger: Ledger, { runId, progress }: RunEntry): void {
  if (progress !== 'unfinished') return
  throw new LedgerError('refused', `run ${runId} has begun to publish: what it staged is needed to finish`, {
    place: ledger.location,
    hint: `run its command again until it finishes, or take all of it back with: obleth-ledger runs undo ${runId}`,
  })
}

async function withLaterRuns(ledger: Ledger, runId: string): Promise<[run: RunEntry, later: readonly RunEntry[]]> {
  const runs = await listRuns(ledger)
  const run = find(runs, runId, ledger)
  return [run, runs.slice(runs.indexOf(run) + 1)]
}

function refuseUndo(ledger: Ledger, run: RunEntry, later: readonly RunEntry[]): void {
  const refuse = (message: string, hint: string) =>
    new LedgerError('refused', message, { place: ledger.location, hint })
  if (run.progress === 'undone') return
  if (run.progress === 'staged')
    throw refuse(
      `run ${run.runId} has published nothing`,
      `drop what it staged with: obleth-ledger runs discard ${run.runId}`,
    )
  const upon = later.filter(({ progress, records }) => records > 0 && progress !== 'undone').map(({ runId }) => runId)
  if (upon.length > 0)
    throw refuse(
      `run ${upon.join(', ')} was published after it`,
      `undo the newest first: obleth-ledger runs undo ${upon.at(-1)}`,
    )
}

async function change<Outcome>(
  ledger: Ledger,
  run: RunEntry,
  options: ChangeRunOptions,
  act: (lock: TargetLock) => Promise<Outcome>,
): Promise<Outcome> {
  const { breakLock, confirm } = options
  if (run.lock !== null && !breakLock) refuseLiving(ledger, run.runId, run.lock)
  if (!(await confirm(run))) throw new LedgerError('refused', 'not confirmed: nothing was done')
  const lock = await TargetLock.acquire(ledger, run.runId, { breakLock }, options)
  return await lock.during(options, () => act(lock))
}

function find(runs: readonly RunEntry[], runId: string, ledger: Ledger): RunEntry {
  return runs.find((entry) => entry.runId === runId) ?? unknown(ledger, runId)
}

function unknown(ledger: Ledger, runId: string): never {
  throw new LedgerError('usage', `the target knows no run ${runId}`, {
    place: `${ledger.location}, database ${ledger.database}`,
    hint: 'obleth-ledger runs list shows those that it knows',
  })
}

async function askTarget<Answer>(
  target: TargetOptions,
  ask: (ledger: Ledger) => Promise<Answer>,
): Promise<RunsOutcome<Answer>> {
  const ledger = await connect(target)
  try {
    const { kind, location, database } = ledger
    return { target: { kind, location, database }, answer: await ask(ledger) }
  } finally {
    await ledger.close()
  }
}
