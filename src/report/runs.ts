import { printable } from '../domain/printable.js'
import type { RunDay, RunDetails, RunEntry, RunProgress, RunsOutcome, Undone } from '../domain/runs.js'
import { count, plural, size } from './format.js'
import type { Style } from './style.js'
import { type Column, renderTable } from './table.js'

const PROGRESS: Record<RunProgress, string> = {
  staged: 'nothing published',
  unfinished: 'not finished: run its command again',
  published: 'published',
  undoing: 'not undone to the end: undo it again',
  undone: 'undone',
}

const COLUMNS: readonly Column<RunEntry>[] = [
  { head: 'run', align: 'left', cell: ({ runId }) => runId },
  { head: 'first step', align: 'left', cell: ({ since }) => since ?? '' },
  { head: 'days', align: 'right', cell: ({ days }) => count(days) },
  { head: 'records', align: 'right', cell: ({ records }) => count(records) },
  { head: 'staging', align: 'right', cell: ({ staging }) => (staging === null ? '' : size(staging.bytes)) },
  { head: 'state', align: 'left', cell: stateOf },
]

const DAYS: readonly Column<RunDay>[] = [
  { head: 'day', align: 'left', cell: ({ day }) => day },
  { head: 'state', align: 'left', cell: ({ progress }) => progress },
  { head: 'rows before', align: 'right', cell: ({ rowsBefore }) => count(rowsBefore) },
  { head: 'records', align: 'right', cell: ({ records }) => count(records) },
  { head: 'groups', align: 'right', cell: ({ groups }) => count(groups.proven + groups.assumed + groups.mismatch) },
  { head: 'assumed', align: 'right', cell: ({ groups }) => count(groups.assumed) },
  { head: 'mismatch', align: 'right', cell: ({ groups }) => count(groups.mismatch) },
]

/** The runs that a target knows of. */
export function renderRuns({ target, answer }: RunsOutcome<readonly RunEntry[]>, style: Style): string {
  if (answer.length === 0) return `no run has been on ${printable(target.location)}, database ${target.database}\n`
  return `${renderTable(COLUMNS, answer, style).join('\n')}\n`
}

/** One run with its days. */
export function renderRun({ target, answer }: RunsOutcome<RunDetails>, style: Style): string {
  const { runId, since, until, staging, partitions } = answer
  const lines = [
    style.bold(`run ${printable(runId)}`),
    `  target   ${printable(`${target.location}, database ${target.database}`)}`,
    `  state    ${printable(stateOf(answer))}`,
    ...(since === null ? [] : [`  steps    from ${since} to ${until}`]),
    ...(staging === null ? [] : [`  staging  ${plural(staging.rows, 'row')}, ${size(staging.bytes)}`]),
    ...(partitions.length === 0 ? [] : ['', ...renderTable(DAYS, partitions, style)]),
  ]
  return `${lines.join('\n')}\n`
}

export function renderUndone({ answer }: RunsOutcome<Undone>, style: Style): string {
  const { runId, days, removed, gone } = answer
  const table = renderTable(
    [
      { head: 'day', align: 'left', cell: (row: Undone['days'][number]) => row.day },
      { head: 'removed', align: 'right', cell: (row) => count(row.removed) },
      { head: 'gone before', align: 'right', cell: (row) => count(row.gone) },
    ],
    days,
    style,
  )
  const headline = `${style.good('undone')}  run ${printable(runId)}: ${plural(removed, 'row')} removed, usage_daily brought back by differences`
  const lost = gone === 0 ? [] : [`${plural(gone, 'record')} had gone before: retention, or somebody's DELETE`]
  return `${[headline, ...(days.length === 0 ? [] : ['', ...table]), ...lost].join('\n')}\n`
}

export function renderDiscarded({ answer: { runId, staging } }: RunsOutcome<RunEntry>): string {
  const what = staging === null ? 'it had staged nothing' : `${plural(staging.rows, 'staged row')} dropped`
  return `discarded  run ${printable(runId)}: ${what}\n`
}

function stateOf({ progress, lock }: RunEntry): string {
  const owner = lock === null ? '' : `; locked by process ${lock.pid} on ${lock.host} since ${lock.since}`
  return `${PROGRESS[progress]}${owner}`
}
