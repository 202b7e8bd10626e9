import type { RollupStatus } from '../domain/document.js'
import { LedgerError } from '../domain/errors.js'
import type { ReplayOptions } from '../domain/options.js'
import type { RunContext } from '../domain/run.js'
import type { Warning } from '../domain/wal.js'
import { dayOf } from '../ledger/drift.js'
import type { TargetState } from '../ledger/inspect-target.js'
import type { Ledger } from '../ledger/ledger.js'
import type { TargetLock } from '../ledger/lock.js'
import type { VerifiedPartition } from '../ledger/lost-rows.js'
import { patiently } from '../ledger/patiently.js'
import { type PublishResult, publish } from '../ledger/publish.js'
import { compareRollup, lostDays, raiseRollup, rawPartitions } from '../ledger/rollup-check.js'
import { type RollupShape, rollupShape } from '../ledger/rollup-shape.js'
import { markBackfilled } from '../ledger/schema.js'
import type { StagedPartition, Staging } from '../ledger/staging.js'
import { syncReplicas } from '../ledger/sync-replicas.js'
import { PARTITION_KEY } from '../ledger/usage-columns.js'
import { rollupReport } from './rollup-report.js'

export interface PublishRun {
  readonly options: ReplayOptions
  readonly ledger: Ledger
  readonly target: TargetState
  readonly staging: Staging
  readonly lock: TargetLock
  readonly spoolDir: string
  /** What was staged and verified. */
  readonly partitions: readonly VerifiedPartition[]
  /** See PublishOptions. */
  readonly staged: readonly StagedPartition[] | undefined
  readonly context: RunContext
}

export interface PublishOutcome extends PublishResult {
  readonly rollup: RollupStatus
  readonly warnings: readonly Warning[]
}

/** Publishes what is staged and says how rollup and raw table stand afterwards. */
export async function publishRun(run: PublishRun): Promise<PublishOutcome> {
  const { options, ledger, target, staging, lock, spoolDir, context } = run
  const partitionKey = target.usage?.stored?.partitionKey
  if (!target.usage || partitionKey !== PARTITION_KEY)
    throw new LedgerError('refused', `\`usage\` is partitioned by ${partitionKey}, not by ${PARTITION_KEY}`, {
      hint: 'replay into an embedded ledger (--embedded) and copy the days from there',
    })
  await patiently(ledger, context, () => syncReplicas(ledger, target))
  const shape = rollupShape(target)
  if (shape !== null && target.meta !== null) await patiently(ledger, context, () => markBackfilled(ledger))
  const raised = shape === null ? 0 : await raise(run, shape)
  let published = 0
  const columns = target.usage.columns.present
  const { emit, signal } = context
  const result = await patiently(ledger, context, ({ progressed }) =>
    publish({
      ledger,
      staging,
      partitions: run.partitions,
      staged: run.staged,
      lock,
      shape,
      columns,
      way: options.publish,
      repairRollup: options.repairRollup,
      spoolDir,
      signal,
      published: ({ ids }) => {
        progressed()
        published += ids
        emit({ type: 'progress', stage: 'publish', doneBytes: 0, totalBytes: null, records: published })
      },
    }),
  )
  const warnings: Warning[] = []
  if (result.differing.differing > 0)
    warnings.push({
      class: 'differs_from_ledger',
      message: `records that the ledger has with other values; the ledger stays as it is, e.g. ${result.differing.examples.join(', ')}`,
      count: result.differing.differing,
    })
  if (result.doubled.length > 0)
    warnings.push({
      class: 'doubled',
      message: `\`usage\` holds records of these files more than once on ${result.doubled.slice(0, 5).map(dayOf).join(', ')}${result.doubled.length > 5 ? ' and other days' : ''}: \`obleth-ledger repair\` removes the copies`,
      count: result.doubled.length,
    })
  if (shape === null) return { ...result, rollup: 'absent', warnings: [...warnings, absentRollup()] }
  const drifting = await patiently(ledger, context, async () => {
    const held = options.repairRollup
      ? await rawPartitions(ledger)
      : run.partitions.map(({ partitionId }) => partitionId)
    const days = [...new Set([...held, ...(await lostDays(ledger))])]
    return await compareRollup(ledger, shape, days, result.drifts)
  })
  const report = rollupReport(drifting, raised)
  return { ...result, rollup: report.status, warnings: [...warnings, ...report.warnings] }
}

/** Before anything is planned: a group that was raised has no drift left to explain. */
async function raise({ options, ledger, spoolDir, context }: PublishRun, shape: RollupShape): Promise<number> {
  if (!options.repairRollup) return 0
  const partitionIds = await patiently(ledger, context, () => rawPartitions(ledger))
  return await raiseRollup(ledger, spoolDir, shape, partitionIds, context)
}

function absentRollup(): Warning {
  return {
    class: 'rollup_absent',
    message: 'usage_daily does not exist: obleth makes it at its next boot and fills it from usage',
  }
}
