import type { RunDocument } from '../domain/document.js'
import type { ReplayPlan } from '../domain/run.js'
import type { Warning } from '../domain/wal.js'
import type { TargetState } from '../ledger/inspect-target.js'
import type { Discovery } from '../sources/index.js'
import type { StagedInput } from './state.js'

/** The input of a plan that is only shown. */
export function plannedInput(plan: ReplayPlan, discovery: Discovery | null): StagedInput {
  return {
    pods: plan.pods,
    files: plan.files,
    bytes: plan.bytes,
    unreadable: discovery?.unreadable ?? [],
    lines: {},
    records: {},
    sent: 0,
    unusable: 0,
    quarantineEntries: 0,
    window: null,
    unknownFields: [],
    warnings: discovery?.warnings ?? [],
    live: [...plan.live],
    partitions: [],
    readMs: 0,
    decodeMs: 0,
    orderMs: 0,
    stageMs: 0,
  }
}

/** Values that an older table has no column for. */
export function missingColumns(target: TargetState): Warning[] {
  const missing = target.usage?.columns.missing ?? []
  if (missing.length === 0) return []
  return [{ class: 'no_column', message: `usage has no column for ${missing.join(', ')}: these values were left out` }]
}

/** What comes next for whoever ran the replay, a line each. */
export function nextSteps(input: StagedInput, document: RunDocument): string[] {
  const steps: string[] = []
  if (input.live.length > 0)
    steps.push(
      `pods that may still run (${input.live.map(({ pod }) => pod).join(', ')}) will insert their WAL again: let them drain first, ` +
        'or stop them and keep their files; then run the same command again to see what was doubled',
    )
  if (document.rollup === 'mismatch')
    steps.push('usage_daily and usage differ in the groups above; bills from usage are right')
  if (document.rollup === 'absent') steps.push('start obleth: it makes usage_daily and fills it from usage')
  if (document.quarantine !== null) steps.push(`look at what could not be read: ${document.quarantine}`)
  return steps
}
