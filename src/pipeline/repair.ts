import { randomBytes } from 'node:crypto'
import { LedgerError } from '../domain/errors.js'
import type { Emit } from '../domain/events.js'
import type { TargetOptions } from '../domain/options.js'
import type { DoubledDay, DriftedGroup, RepairFindings, RepairOutcome } from '../domain/repair.js'
import { dayOf, type Group } from '../ledger/drift.js'
import type { TargetState, UsageState } from '../ledger/inspect-target.js'
import type { Ledger } from '../ledger/ledger.js'
import { lockOwner, refuseLiving, TargetLock } from '../ledger/lock.js'
import { patiently } from '../ledger/patiently.js'
import { planRepair, type RepairTarget, repairPartition } from '../ledger/repair.js'
import { compareRollup, levelRollup, raiseRollup, rawPartitions } from '../ledger/rollup-check.js'
import { canBeRaised } from '../ledger/rollup-rule.js'
import { rollupShape } from '../ledger/rollup-shape.js'
import { createRunTables, recordStep } from '../ledger/run-tables.js'
import { surplusColumns } from '../ledger/surplus.js'
import { unfinishedRuns } from '../ledger/unfinished.js'
import { withLedger } from '../ledger/with-ledger.js'
import { withSpool } from './spool.js'

export interface RepairRunOptions {
  readonly dryRun: boolean
  /** Raise the groups of the rollup that hold less than `usage`. */
  readonly repairRollup: boolean
  /** Groups (day/tenant/key/model) whose rollup is to be lowered to `usage`. */
  readonly lowerRollup: readonly string[]
  readonly breakLock: boolean
  readonly stateDir: string
  readonly signal: AbortSignal
  /** Told where the target has to be waited for. */
  readonly emit: Emit
  /** Asked once, before anything is changed; false means no. */
  confirm(found: RepairFindings): Promise<boolean>
}

/**
 * Shows which records `usage` holds more than once and where the rollup differs from it, and puts right what it is told
 * to. Whatever interrupts it, the same call goes on. Throws `source_not_found` where there is no `usage`, `refused` where
 * the user says no, `target_locked` where a run is at work.
 */
export async function repair(target: TargetOptions, options: RepairRunOptions): Promise<RepairOutcome> {
  return await withLedger(target, (ledger, state, usage) => {
    if (usage.family !== 'merge_tree')
      throw new LedgerError('refused', `\`usage\` is a ${usage.engine} table, whose rows cannot be removed from here`, {
        place: ledger.location,
        hint: 'repair its MergeTree tables where they are, one server at a time; `obleth-ledger audit` only looks',
      })
    return new Repair(ledger, state, usage, options).run()
  })
}

const nameOf = ({ day, tenant, key, model }: Group): string => `${day}/${tenant}/${key}/${model}`

/** What the names of repairs begin with on the target. */
const REPAIR = 'repair'

type Done = Pick<RepairOutcome, 'removed' | 'raised' | 'lowered'>

class Repair {
  constructor(
    private readonly ledger: Ledger,
    private readonly state: TargetState,
    private readonly usage: UsageState,
    private readonly options: RepairRunOptions,
  ) {}

  async run(): Promise<RepairOutcome> {
    const { ledger, options } = this
    const { kind, location, database } = ledger
    const target = await this.target()
    const found = await this.look(target)
    const outcome = { target: { kind, location, database }, repaired: false, found, removed: 0, raised: 0, lowered: 0 }
    const unknown = options.lowerRollup.find((name) => !found.drifted.some(({ group }) => group === name))
    if (unknown !== undefined)
      throw new LedgerError('usage', `--lower-rollup names no group that differs: ${unknown}`, {
        hint: 'obleth-ledger repair --dry-run lists those that do, as day/tenant/key/model',
      })
    if (options.dryRun || (!this.asksForWork(found) && (await this.unfinishedRepair()) === undefined))
      return { ...outcome, left: found }
    if (!(await options.confirm(found))) throw new LedgerError('refused', 'not confirmed: nothing was done')
    const done = await this.act()
    return { ...outcome, ...done, repaired: true, left: await this.look(await this.target()) }
  }

  private asksForWork({ days, drifted }: RepairFindings): boolean {
    const { repairRollup, lowerRollup } = this.options
    return days.length > 0 || lowerRollup.length > 0 || (repairRollup && drifted.some(({ side }) => side === 'lower'))
  }

  private async target(): Promise<RepairTarget> {
    const { ledger, state, usage } = this
    const columns = await surplusColumns(ledger, usage.columns.present)
    const runs = (await unfinishedRuns(ledger)).filter(({ what }) => what !== 'repair')
    const unsettled = new Set(runs.flatMap(({ partitionIds }) => partitionIds))
    return { ledger, columns, shape: rollupShape(state), unsettled }
  }

  private async look(target: RepairTarget): Promise<RepairFindings> {
    const { ledger, shape, unsettled } = target
    const days: DoubledDay[] = []
    const drifted: DriftedGroup[] = []
    for (const partitionId of await rawPartitions(ledger)) {
      this.options.signal.throwIfAborted()
      const plan = await planRepair(target, partitionId)
      if (plan !== null) days.push(plan.day)
      if (shape === null || unsettled.has(partitionId)) continue
      const seen = new Map(plan === null ? [] : [[partitionId, plan.drift]])
      for (const group of await compareRollup(ledger, shape, [partitionId], seen))
        drifted.push({
          group: nameOf(group),
          requests: Number(group.drift.integers[0]),
          side: canBeRaised(group.drift) ? 'lower' : 'higher',
          leftBy: group.left?.run ?? null,
        })
    }
    return { days, drifted }
  }

  private async act(): Promise<Done> {
    const { ledger, options } = this
    await patiently(ledger, options, () => createRunTables(ledger))
    const owner = ledger.kind === 'server' ? await lockOwner(ledger) : null
    // One that was killed before it noted anything has left its lock alone.
    const locking = owner?.runId.startsWith(REPAIR) ? owner.runId : undefined
    const repairId = (await this.unfinishedRepair()) ?? locking ?? `${REPAIR}${randomBytes(5).toString('hex')}`
    if (owner?.runId === repairId && !options.breakLock) refuseLiving(ledger, repairId, owner)
    const lock = await TargetLock.acquire(ledger, repairId, options, options)
    return await withSpool(options.stateDir, repairId, async (spoolDir) => {
      const done = await lock.during(options, () => this.put(repairId, lock, spoolDir))
      // Behind the lock: a repair that is killed here is found unfinished, and no lock of a finished one is left.
      const last = { partitionId: '', step: 'repaired', payload: null } as const
      await patiently(ledger, options, () => recordStep(ledger, spoolDir, repairId, last))
      return done
    })
  }

  /** Puts right what there is under the lock; the rows removed, and the groups raised and lowered. */
  private async put(repairId: string, lock: TargetLock, spoolDir: string): Promise<Done> {
    const { ledger, options } = this
    // Read again: only now nobody else changes what a run has left.
    const target = await patiently(ledger, options, () => this.target())
    const { shape, unsettled } = target
    const partitionIds = await patiently(ledger, options, () => rawPartitions(ledger))
    const repairing = { ...target, repairId, lock, spoolDir, signal: options.signal }
    let removed = 0
    for (const partitionId of partitionIds)
      removed += await patiently(ledger, options, () => repairPartition(repairing, partitionId))
    if (shape === null) return { removed, raised: 0, lowered: 0 }
    const settled = partitionIds.filter((id) => !unsettled.has(id))
    const raised = options.repairRollup ? await raiseRollup(ledger, spoolDir, shape, settled, options) : 0
    const named = options.lowerRollup
    const days = settled.filter((id) => named.some((name) => name.startsWith(`${dayOf(id)}/`)))
    const isNamed = (group: Group) => named.includes(nameOf(group))
    return { removed, raised, lowered: await levelRollup(ledger, spoolDir, shape, days, isNamed, options) }
  }

  private async unfinishedRepair(): Promise<string | undefined> {
    return (await unfinishedRuns(this.ledger)).find(({ what }) => what === 'repair')?.run
  }
}
