import type { DayTenantCounts, RollupStatus, RunDocument, RunStatus } from '../domain/document.js'
import { printable } from '../domain/printable.js'
import type { InspectOutcome, PodSummary, ReplayOutcome } from '../domain/run.js'
import { renderBalance } from './balance.js'
import { count, moment, plural, size, time } from './format.js'
import { describeTarget, renderLivePods } from './plan.js'
import type { Style } from './style.js'
import { type Column, renderTable } from './table.js'
import { renderWarnings } from './warnings.js'

/** How a summary is drawn. `all`: every warning and table row, not the first of each. */
export interface View {
  readonly style: Style
  readonly all: boolean
}

const SHOWN_DAYS = 40
const SHOWN_ROWS = 30
const SHOWN_UNREADABLE = 10

const HEADLINES: Record<RunStatus, string> = {
  ok: 'done',
  incomplete: 'done, but some input could not be used',
  mismatch: 'done, but differences were found',
  refused: 'refused by a safety check',
  failed: 'failed',
}

const ROLLUPS: Record<RollupStatus, string> = {
  consistent: 'usage_daily agrees with usage in every group that was looked at',
  repaired: 'usage_daily was corrected and now agrees with usage',
  mismatch: 'usage_daily does not agree with usage; the bounds are:',
  absent: 'usage_daily or its view does not exist; obleth creates and seeds it at its next boot',
  unchecked: 'usage_daily was not compared',
}

const SPANS = 'Trace spans are not in the WAL and cannot be rebuilt.'

/** The final summary of a replay: one that can be checked by eye. `staged`: it stopped before publishing, as asked. */
export function renderReplay(outcome: ReplayOutcome, staged: boolean, view: View): string {
  const { document, days, plan, nextSteps } = outcome
  const { style } = view
  const published = !staged && document.status !== 'refused' && document.status !== 'failed'
  const rollup = document.warnings.filter(({ class: name }) => name.startsWith('rollup'))
  const others = document.warnings.filter((warning) => !rollup.includes(warning))
  return paragraphs([
    headline(document, staged ? 'staged and verified, not published' : HEADLINES[document.status], style),
    facts(document),
    renderBalance(document, published, style),
    renderDays(days, view),
    unreadable(document, view),
    unknownFields(document, view),
    titled('Warnings', renderWarnings(others, view.all, style), style),
    [`${style.bold('Rollup')}  ${rollupColor(document.rollup, style)(ROLLUPS[document.rollup])}`].concat(
      renderWarnings(rollup, true, style),
    ),
    [SPANS, ...renderLivePods(plan, style), ...quarantine(document)],
    titled(
      'Next',
      nextSteps.map((step) => `  ${printable(step)}`),
      style,
    ),
    [pace(document, style)],
  ])
}

/** What is in the files, without a ledger. */
export function renderInspect({ document, podsTable, tenants }: InspectOutcome, view: View): string {
  const { style } = view
  const most = view.all ? Number.POSITIVE_INFINITY : SHOWN_ROWS
  return paragraphs([
    headline(document, HEADLINES[document.status], style),
    facts(document),
    renderBalance(document, false, style),
    podsTable.length > 0 ? renderTable(POD_COLUMNS, podsTable, style, most) : [],
    tenants.length > 0 ? renderTable(TENANT_COLUMNS, tenants, style, most) : [],
    unreadable(document, view),
    unknownFields(document, view),
    titled('Warnings', renderWarnings(document.warnings, view.all, style), style),
    [SPANS, ...quarantine(document)],
    [pace(document, style)],
  ])
}

const paragraphs = (parts: readonly (readonly string[])[]): string => {
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`
}

const titled = (title: string, lines: readonly string[], style: Style): string[] => {
  return lines.length > 0 ? [style.bold(title), ...lines] : []
}

function headline(document: RunDocument, words: string, style: Style): string[] {
  const color = document.status === 'ok' ? style.good : document.status === 'incomplete' ? style.warn : style.bad
  const run = document.runId === '' ? '' : ` ${printable(document.runId)}`
  return [`${style.bold(`${document.command}${run}`)}: ${color(words)}`]
}

function facts({ target, sources, window }: RunDocument): string[] {
  const range = window === null ? [] : [`  times    ${moment(window.fromMs)} to ${moment(window.toMs)}`]
  return [
    ...(target === null ? [] : [`  target   ${describeTarget(target)}`]),
    `  sources  ${plural(sources.pods, 'pod')}, ${plural(sources.files, 'file')}, ${size(sources.bytes)}`,
    ...range,
  ]
}

const DAY_COLUMNS: readonly Column<DayTenantCounts>[] = [
  { head: 'day', align: 'left', cell: ({ day }) => day },
  { head: 'tenant', align: 'left', cell: ({ tenantId }) => tenantId },
  { head: 'before', align: 'right', cell: ({ before }) => count(before) },
  { head: 'inserted', align: 'right', cell: ({ inserted }) => count(inserted) },
  { head: 'after', align: 'right', cell: ({ after }) => count(after) },
]

const POD_COLUMNS: readonly Column<PodSummary>[] = [
  { head: 'pod', align: 'left', cell: ({ pod }) => pod },
  { head: 'files', align: 'right', cell: ({ files }) => count(files) },
  { head: 'size', align: 'right', cell: ({ bytes }) => size(bytes) },
  { head: 'records', align: 'right', cell: ({ records }) => count(records) },
  { head: 'first', align: 'left', cell: ({ firstMs }) => (firstMs === null ? '-' : moment(firstMs)) },
  { head: 'last', align: 'left', cell: ({ lastMs }) => (lastMs === null ? '-' : moment(lastMs)) },
  { head: 'damage', align: 'right', cell: ({ damage }) => count(damage) },
]

const TENANT_COLUMNS: readonly Column<{ tenantId: string; records: number }>[] = [
  { head: 'tenant', align: 'left', cell: ({ tenantId }) => tenantId },
  { head: 'records', align: 'right', cell: ({ records }) => count(records) },
]

function renderDays(days: readonly DayTenantCounts[], { style, all }: View): string[] {
  if (days.length === 0) return []
  const sum = (pick: (row: DayTenantCounts) => number) => days.reduce((total, row) => total + pick(row), 0)
  const before = sum((row) => row.before)
  const inserted = sum((row) => row.inserted)
  const after = sum((row) => row.after)
  const others = days.filter((row) => row.after !== row.before + row.inserted).length
  return [
    style.bold('Requests'),
    ...renderTable(DAY_COLUMNS, days, style, all ? Number.POSITIVE_INFINITY : SHOWN_DAYS),
    `  all: ${count(before)} before + ${count(inserted)} inserted = ${count(before + inserted)}; after: ${count(after)}`,
    ...(others > 0 ? [style.warn(`  in ${plural(others, 'row')} other requests came or went while this ran`)] : []),
  ]
}

function unreadable({ sources }: RunDocument, { style, all }: View): string[] {
  const shown = all ? sources.unreadable : sources.unreadable.slice(0, SHOWN_UNREADABLE)
  const left = sources.unreadable.length - shown.length
  return titled(
    'Could not be read',
    [
      ...shown.map(({ path, reason }) => `  ${style.bad(printable(path))}: ${printable(reason)}`),
      ...(left > 0 ? [style.dim(`  … ${count(left)} more`)] : []),
    ],
    style,
  )
}

function unknownFields({ unknownFields: fields }: RunDocument, { style, all }: View): string[] {
  const shown = all ? fields : fields.slice(0, SHOWN_ROWS)
  if (shown.length === 0) return []
  const left = fields.length - shown.length
  const names = shown.map(({ name, count: times }) => `${printable(name)} (${count(times)})`).join(', ')
  return [`${style.bold('Ignored fields')}  ${names}${left > 0 ? `, … ${count(left)} more` : ''}`]
}

function rollupColor(rollup: RollupStatus, style: Style): (text: string) => string {
  if (rollup === 'consistent' || rollup === 'repaired') return style.good
  return rollup === 'mismatch' ? style.bad : style.warn
}

function quarantine({ quarantine: path }: RunDocument): string[] {
  return path === null ? [] : [`What was rejected is kept, byte for byte, in ${printable(path)}`]
}

function pace({ timings, throughput, peakRssBytes }: RunDocument, style: Style): string {
  const rate = `${count(throughput.recordsPerSecond)} records/s, ${size(throughput.bytesPerSecond)}/s`
  return style.dim(`${time(timings.totalMs)}, ${rate}, at most ${size(peakRssBytes)} of memory`)
}
