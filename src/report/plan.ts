import type { TargetInfo } from '../domain/document.js'
import { printable } from '../domain/printable.js'
import type { ReplayPlan } from '../domain/run.js'
import { plural, size } from './format.js'
import type { Style } from './style.js'

const ACTIONS = {
  start: 'starts a new run',
  resume: 'goes on with an unfinished run',
  publish_staged: 'publishes what an earlier run staged and verified; the sources are not read again',
}

/** What a replay is about to do, for `--dry-run` and before the question whether to publish. */
export function renderPlan(plan: ReplayPlan, style: Style): string[] {
  return [
    style.bold('Plan'),
    `  run      ${printable(plan.runId)} (${ACTIONS[plan.action]})`,
    `  target   ${describeTarget(plan.target)}`,
    `  sources  ${plural(plan.pods, 'pod')}, ${plural(plan.files, 'file')}, ${size(plan.bytes)}`,
    ...plan.steps.map((step, i) => `  ${String(i + 1).padStart(2)}. ${printable(step)}`),
    ...plan.notes.map((note) => `  ${style.warn('note')} ${printable(note)}`),
    ...renderLivePods(plan, style),
  ]
}

/** Sources whose pod looks alive, with what to do about it; nothing where there are none. */
export function renderLivePods(plan: ReplayPlan, style: Style): string[] {
  if (plan.live.length === 0) return []
  return [
    style.warn(`${plural(plan.live.length, 'source looks', 'sources look')} as if the pod were still running:`),
    ...plan.live.map(({ pod, reason }) => `  ${printable(pod)}: ${printable(reason)}`),
    '  Such a pod inserts its WAL again after this run, and raw rows and rollup are then doubled alike.',
    '  Let it drain first, or stop it and keep its files. The next replay finds what was doubled.',
  ]
}

/** `server http://host:8123, obleth.usage (MergeTree, ClickHouse 24.8)`. */
export function describeTarget(target: TargetInfo): string {
  const { kind, location, database, table, engine, version } = target
  const where = `${kind === 'server' ? 'server' : 'embedded ledger in'} ${location}, ${database}.${table}`
  return printable(`${where} (${engine}, ClickHouse ${version})`)
}
