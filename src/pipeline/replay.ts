import { resolve } from 'node:path'
import type { DayTenantCounts, RunDocument } from '../domain/document.js'
import { type ErrorCode, LedgerError } from '../domain/errors.js'
import type { ReplayOptions } from '../domain/options.js'
import type { ReplayOutcome, ReplayPlan, RunContext } from '../domain/run.js'
import type { Warning } from '../domain/wal.js'
import { assertReplayable } from '../ledger/assert-replayable.js'
import { connect } from '../ledger/connect.js'
import { dayOf } from '../ledger/drift.js'
import { inspectTarget, type TargetState } from '../ledger/inspect-target.js'
import type { Ledger } from '../ledger/ledger.js'
import { TargetLock } from '../ledger/lock.js'
import type { LostRows } from '../ledger/lost-rows.js'
import { patiently } from '../ledger/patiently.js'
import { createRunTables, isUndone } from '../ledger/run-tables.js'
import { createSchema, lacksSchema } from '../ledger/schema.js'
import { type StagedPartition, Staging } from '../ledger/staging.js'
import { refuseUnfinishedRuns } from '../ledger/unfinished.js'
import { type Discovery, discover } from '../sources/index.js'
import { checkAges } from './check-ages.js'
import { dayCounts } from './day-counts.js'
import { DecodeThread } from './decode-thread.js'
import { inputDocument, stagedInputOf } from './document.js'
import { fingerprintOf, sourcesBinding } from './fingerprint.js'
import { missingColumns, nextSteps, plannedInput } from './outcome.js'
import { makePlan, targetInfo } from './plan.js'
import { discoverProven } from './proven-sources.js'
import { type PublishOutcome, publishRun } from './publish-run.js'
import { Releasers } from './releasers.js'
import { assertSpace, decodeAhead, stage } from './stage.js'
import { newRunId, RunState, type StagedInput } from './state.js'

/** What a run that has begun to publish can do without. */
const SOURCES_GONE: readonly ErrorCode[] = ['source_not_found', 'source_unreachable', 'source_failed', 'access_denied']

/**
 * Rebuilds the ledger from the sources: sources → decode → order → stage → verify → publish. Whatever interrupts it,
 * the same call goes on. Throws LedgerErrors; before publishing began, the live tables are as they were.
 */
export async function replay(options: ReplayOptions, context: RunContext): Promise<ReplayOutcome> {
  const releasers = new Releasers()
  try {
    return await new Replay(options, context, releasers).run()
  } catch (error) {
    if (!context.signal.aborted || error instanceof LedgerError) throw error
    throw new LedgerError('interrupted', 'interrupted', { hint: 'run the same command again to go on', cause: error })
  } finally {
    await releasers.release()
  }
}

class Replay {
  private readonly started = performance.now()
  /** What staging holds, where this process filled it and is the only one that can change it. */
  private staged: readonly StagedPartition[] | undefined

  constructor(
    private readonly options: ReplayOptions,
    private readonly context: RunContext,
    private readonly releasers: Releasers,
  ) {}

  async run(): Promise<ReplayOutcome> {
    const { options, context, releasers } = this
    const state = RunState.open(options.stateDir, bindingOf(options))
    releasers.add(() => state.close())
    const begun = state.manifest?.state === 'publishing'
    const ahead = this.threadAhead(state)
    let discovery = await this.discover(begun)
    // A process that forks while the embedded engine is being loaded crashes: its allocator is not ready for that yet.
    if (ahead !== null && discovery !== null && !discovery.startsPrograms) decodeAhead(ahead, options, discovery, state)
    const ledger = await connect(options.target)
    releasers.add(() => ledger.close())
    let target = await inspectTarget(ledger, options.publish)
    assertReplayable(target, options)

    const action = await this.action(state, discovery, ledger)
    // It was taken back meanwhile, so the sources are needed again.
    if (begun && action === 'start') discovery = await this.discover(false)
    const runId = action === 'start' ? newRunId() : (state.manifest?.runId ?? newRunId())
    const plan = makePlan({
      runId,
      action,
      options,
      target,
      info: targetInfo(ledger, target),
      discovery: action === 'publish_staged' ? null : discovery,
      staged: state.manifest?.input ?? null,
    })
    if (options.dryRun) return this.unpublished(plan, plannedInput(plan, discovery), target, state)
    if (!options.stageOnly && !(await context.confirm(plan)))
      throw new LedgerError('refused', 'not confirmed: nothing was done')

    if (lacksSchema(target) && (ledger.kind === 'embedded' || options.createSchema)) {
      const empty = target
      target = await patiently(ledger, context, async () => {
        await createSchema(ledger, empty)
        return await inspectTarget(ledger, options.publish, empty)
      })
    }
    // Known before the lock is taken: a run killed right behind it must find its own id there.
    if (action === 'start') await this.begin(runId, discovery, state)
    const lock = await TargetLock.acquire(ledger, runId, { breakLock: options.breakLock }, context)
    releasers.add(() => lock.release())
    if (lock.notice !== null) context.emit({ type: 'notice', message: lock.notice })
    await patiently(ledger, context, async () => {
      if (await createRunTables(ledger)) await refuseUnfinishedRuns(ledger, runId, ['publish'])
    })

    const staging = new Staging(ledger, runId, context)
    const input = await this.stagedInput(action, runId, discovery, ahead, state, ledger, target, staging)
    const checks = await patiently(ledger, context, () =>
      checkAges({ options, ledger, staging, target, begun: begun && action !== 'start' }),
    )
    if (options.stageOnly) return this.unpublished(plan, input, target, state, checks)

    const manifest = state.manifest
    if (manifest === null) throw new Error('a staged run has a manifest')
    await state.save({ ...manifest, state: 'publishing' })
    context.emit({ type: 'stage_started', stage: 'publish', message: 'publishing' })
    const publishing = performance.now()
    const { partitions } = input
    const { staged } = this
    const { spoolDir } = state
    const outcome = await publishRun({ options, ledger, target, staging, lock, spoolDir, partitions, staged, context })
    const days = await patiently(ledger, context, () => dayCounts(ledger, partitions, outcome))
    await patiently(ledger, context, () => staging.drop())
    // Before the run is over for good: the next one has another id, and would be locked out.
    await patiently(ledger, context, () => lock.release())
    await state.save({ ...manifest, state: 'published' })
    if (outcome.lost !== null) throw stagingLost(ledger, outcome.lost)
    const publishMs = performance.now() - publishing
    context.emit({
      type: 'stage_finished',
      stage: 'publish',
      ms: publishMs,
      message: `${outcome.inserted} records published`,
    })
    return this.published(plan, input, target, state, outcome, days, publishMs, checks)
  }

  /** Null where the sources are gone and not needed: publishing has begun already. */
  private async discover(begun: boolean): Promise<Discovery | null> {
    const { options, context } = this
    try {
      if (!begun) return await discoverProven(options, context.signal)
      const { sources, concurrency, s3 } = options
      return await discover(sources, { concurrency, s3, signal: context.signal })
    } catch (error) {
      if (begun && error instanceof LedgerError && SOURCES_GONE.includes(error.code)) return null
      throw error
    }
  }

  /** Loads its program while the files are looked for. Null where a target may have all already, or nothing is decoded. */
  private threadAhead({ manifest }: RunState): DecodeThread | null {
    if (this.options.dryRun || manifest?.state === 'staged' || manifest?.state === 'publishing') return null
    const thread = new DecodeThread()
    this.releasers.add(() => thread.end())
    return thread
  }

  private async action(
    { manifest }: RunState,
    discovery: Discovery | null,
    ledger: Ledger,
  ): Promise<ReplayPlan['action']> {
    if (manifest === null || manifest.state === 'published') return 'start'
    if (manifest.state === 'publishing') return (await isUndone(ledger, manifest.runId)) ? 'start' : 'publish_staged'
    const unchanged = discovery !== null && manifest.fingerprint === fingerprintOf(discovery.files)
    if (manifest.state === 'staged' && unchanged && (await isStaged(ledger, manifest.runId, manifest.input?.sent)))
      return 'publish_staged'
    return 'resume'
  }

  private async stagedInput(
    action: ReplayPlan['action'],
    runId: string,
    discovery: Discovery | null,
    ahead: DecodeThread | null,
    state: RunState,
    ledger: Ledger,
    target: TargetState,
    staging: Staging,
  ): Promise<StagedInput> {
    const known = state.manifest?.input
    if (action === 'publish_staged' && known) return known
    if (discovery === null || target.usage === null) throw new Error('there is something to stage')
    assertSpace(discovery, state, target.freeBytes)
    if (action === 'resume') await this.begin(runId, discovery, state)
    const { manifest } = state
    if (manifest === null) throw new Error('a run that stages has a manifest')
    const { present, missing } = target.usage.columns
    const { options, context } = this
    const skips = options.expired === 'skip' ? target.usage.ttl?.cutoffMs : undefined
    const { decoded, partitions, stageMs } = await stage({
      options,
      discovery,
      state,
      ledger,
      staging,
      columns: present,
      missing,
      dropBeforeMs: skips ?? undefined,
      ahead,
      emit: context.emit,
      signal: context.signal,
    })
    if (ledger.kind === 'embedded') this.staged = partitions
    const input = stagedInputOf(discovery, decoded, partitions, stageMs)
    await state.save({ ...manifest, state: 'staged', input })
    return input
  }

  /** Nothing that was staged before is to be built on. */
  private async begin(runId: string, discovery: Discovery | null, state: RunState): Promise<void> {
    if (discovery === null) throw new Error('there is something to stage')
    await state.save({ runId, state: 'staging', fingerprint: fingerprintOf(discovery.files), input: null })
  }

  private unpublished(
    plan: ReplayPlan,
    input: StagedInput,
    target: TargetState,
    state: RunState,
    warnings: readonly Warning[] = [],
  ): ReplayOutcome {
    const document = this.document(plan, input, target, state, warnings)
    return {
      document,
      days: [],
      plan,
      nextSteps: ['run the same command without --dry-run or --stage-only to publish'],
    }
  }

  private published(
    plan: ReplayPlan,
    input: StagedInput,
    target: TargetState,
    state: RunState,
    outcome: PublishOutcome,
    days: readonly DayTenantCounts[],
    publishMs: number,
    checks: readonly Warning[],
  ): ReplayOutcome {
    const document = this.document(plan, input, target, state, [...checks, ...outcome.warnings])
    document.records.inserted = outcome.inserted
    document.records.alreadyInLedger = input.sent - outcome.inserted
    document.rollup = outcome.rollup
    document.timings.publishMs = publishMs
    if (outcome.rollup === 'mismatch' || outcome.doubled.length > 0) document.status = 'mismatch'
    return { document, days, plan, nextSteps: nextSteps(input, document) }
  }

  private document(
    plan: ReplayPlan,
    input: StagedInput,
    target: TargetState,
    state: RunState,
    warnings: readonly Warning[],
  ): RunDocument {
    const totalMs = performance.now() - this.started
    const document = inputDocument('replay', plan.runId, input, state.quarantinePath, totalMs)
    document.target = plan.target
    document.warnings = [...document.warnings, ...target.warnings, ...missingColumns(target), ...warnings]
    return document
  }
}

/** What a run's state belongs to: these sources and choices, this target. */
function bindingOf(options: ReplayOptions): unknown[] {
  const { sinceMs, untilMs, tenants, target, acceptFuture, expired } = options
  const where = target.url === undefined ? resolve(target.embedded) : target.url
  const sources = sourcesBinding(options)
  return ['replay', sources, sinceMs ?? null, untilMs ?? null, tenants, acceptFuture, expired, where, target.database]
}

function stagingLost(ledger: Ledger, { partitionId, rows }: LostRows): LedgerError {
  return new LedgerError(
    'verification_failed',
    `staging lost ${rows} records of ${dayOf(partitionId)} after they had been verified; this day and later ones were left alone`,
    {
      place: ledger.location,
      hint: 'a crash of the server can do that; run the same command again: it stages and publishes what is missing',
    },
  )
}

async function isStaged(ledger: Ledger, runId: string, rows: number | undefined): Promise<boolean> {
  const staged = await new Staging(ledger, runId).partitions().catch(() => [])
  return staged.reduce((sum, partition) => sum + partition.rows, 0) === rows
}
