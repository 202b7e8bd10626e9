import type { ClickhouseRestoreOutcome, ClickhouseRestorePlan } from '../domain/clickhouse-restore.js'
import { printable } from '../domain/printable.js'
import { count, moment, plural } from './format.js'
import type { Style } from './style.js'
import { type Column, renderTable } from './table.js'

/** So many days are named one by one; `--json` has all. */
const MOST_DAYS = 40

const ACTIONS = {
  restore: 'restores beside the ledger, proves it, then puts it in place',
  resume: 'was restored and proven by an earlier attempt: puts it in place',
  none: 'the target holds just this: nothing is to be done',
} as const

type Day = ClickhouseRestorePlan['days'][number]
type Table = ClickhouseRestorePlan['tables'][number]

const rows = (now: number | null) => (now === null ? 'absent' : count(now))

const TABLES: readonly Column<Table>[] = [
  { head: 'table', align: 'left', cell: ({ table }) => table },
  { head: 'rows now', align: 'right', cell: ({ now }) => rows(now) },
  { head: 'in the backup', align: 'right', cell: ({ comes }) => count(comes) },
]

const DAYS: readonly Column<Day>[] = [
  { head: 'day of usage', align: 'left', cell: ({ day }) => day },
  { head: 'rows now', align: 'right', cell: ({ now }) => rows(now) },
  { head: 'in the backup', align: 'right', cell: ({ comes }) => count(comes) },
]

/** What a restore is about to do, for `--dry-run` and before the question. */
export function renderRestorePlan(plan: ClickhouseRestorePlan, style: Style): string {
  const { backup, takenAt, source, target, action, tables, days, replaces, notes } = plan
  const lines = [
    style.bold('Plan'),
    `  backup   ${backup} of ${printable(source)}, begun ${takenAt}`,
    `  target   ${printable(`${target.location}, database ${target.database}`)}`,
    `  action   ${ACTIONS[action]}`,
    ...(replaces ? [`  ${style.warn('replaces')} what is there goes into a database of its own: needs --replace`] : []),
    ...notes.map((note) => `  ${style.warn('note')}     ${printable(note)}`),
    '',
    ...renderTable(TABLES, tables, style),
    '',
    ...renderTable(DAYS, days, style, MOST_DAYS),
  ]
  return `${lines.join('\n')}\n`
}

const ROLLUP = {
  consistent: 'usage_daily agrees with usage',
  as_in_backup: 'usage_daily differs from usage as it did in the backup',
  mismatch: 'usage_daily differs from usage: obleth-ledger repair --dry-run shows where',
  absent: 'there is no usage_daily',
} as const

/** What a restore did, and what closes the gap behind the backup. */
export function renderRestore(outcome: ClickhouseRestoreOutcome, style: Style): string {
  const { plan, restored, aside, rollup, newestMs, next } = outcome
  if (!restored && plan.action !== 'none') return renderRestorePlan(plan, style)
  const total = plan.tables.reduce((sum, { comes }) => sum + comes, 0)
  const word = rollup === 'mismatch' ? style.warn('restored') : style.good(restored ? 'restored' : 'there already')
  const lines = [
    `${word}  backup ${plan.backup}: ${plural(total, 'row')} in ${plural(plan.tables.length, 'table')}, proven by counts, sums and hashes of every partition`,
    `  rollup   ${ROLLUP[rollup]}`,
    ...(aside === null ? [] : [`  before   what was there is in the database ${aside}; drop it once nobody needs it`]),
    ...(newestMs === null
      ? []
      : [`  gap      the newest record of the backup is of ${moment(newestMs)}; later ones are missing`]),
    ...plan.notes.map((note) => `  ${style.warn('note')}     ${printable(note)}`),
    'next, to close the gap (let pods that hold their WAL drain first, or stop them and keep their files):',
    ...next.map((command) => `  ${printable(command)}`),
  ]
  return `${lines.join('\n')}\n`
}
