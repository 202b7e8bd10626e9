import type { TargetInfo } from '../domain/document.js'
import type { PublishWay, ReplayOptions } from '../domain/options.js'
import type { ReplayPlan } from '../domain/run.js'
import type { TargetState } from '../ledger/inspect-target.js'
import type { Ledger } from '../ledger/ledger.js'
import type { Discovery } from '../sources/index.js'
import type { StagedInput } from './state.js'

export interface PlanInput {
  readonly runId: string
  readonly action: ReplayPlan['action']
  readonly options: ReplayOptions
  readonly target: TargetState
  readonly info: TargetInfo
  /** Null where the sources are not read again. */
  readonly discovery: Discovery | null
  readonly staged: StagedInput | null
}

export function targetInfo(ledger: Ledger, target: TargetState): TargetInfo {
  return {
    kind: ledger.kind,
    location: ledger.location,
    database: ledger.database,
    table: 'usage',
    engine: target.usage?.engine ?? 'MergeTree',
    version: target.version,
  }
}

const PUBLISHING: Record<PublishWay, string> = {
  move: 'publish day by day: leave out what usage has, move the rest, look, add to usage_daily what it lacks',
  insert:
    'publish day by day: leave out what usage has, insert the rest block by block through the views on usage, look, ' +
    'correct usage_daily by what it then lacks or holds too much',
}

/** What is about to happen, in the order in which it will. */
export function makePlan({ runId, action, options, target, info, discovery, staged }: PlanInput): ReplayPlan {
  const steps: string[] = []
  const reads = action !== 'publish_staged'
  if (target.usage === null) steps.push(`create obleth's tables in database ${info.database}`)
  if (reads && discovery !== null) {
    steps.push(`read and decode ${discovery.files.length} files of ${discovery.pods.length} pods`)
    steps.push(`stage what is new of them in ${info.database}.usage_replay_${runId}, each record once`)
    steps.push('verify the staged records against what was decoded')
  } else steps.push(`take the ${staged?.sent ?? 0} records that an earlier run staged and verified`)
  if (options.stageOnly) steps.push('stop before publishing')
  else {
    if (options.repairRollup) steps.push('raise usage_daily to usage where it lacks rows')
    steps.push(PUBLISHING[options.publish])
  }
  return {
    runId,
    target: info,
    action,
    files: discovery?.files.length ?? staged?.files ?? 0,
    bytes: discovery?.bytes ?? staged?.bytes ?? 0,
    pods: discovery?.pods.length ?? staged?.pods ?? 0,
    live: discovery?.live ?? staged?.live ?? [],
    steps,
    notes: notesOn(target),
  }
}

function notesOn(target: TargetState): string[] {
  const notes = target.warnings.map(({ message }) => message)
  const missing = target.usage?.columns.missing ?? []
  if (missing.length > 0) notes.push(`usage has no column for ${missing.join(', ')}: these values are left out`)
  if (target.usage !== null && target.rollup === null)
    notes.push('usage_daily does not exist: obleth makes it at its next boot and fills it from usage')
  return notes
}
