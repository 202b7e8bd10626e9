import type {
  PostgresRestoreOutcome,
  PostgresRestorePlan,
  PostgresSession,
  ReplacedTable,
} from '../domain/postgres-restore.js'
import { printable } from '../domain/printable.js'
import { count, plural, time } from './format.js'
import type { Style } from './style.js'
import { type Column, renderTable } from './table.js'

const MOST_TABLES = 60
const MOST_SESSIONS = 20
const MOST_LOST = 40

const rows = (n: number | null) => (n === null ? '-' : count(n))

const TABLES: readonly Column<ReplacedTable>[] = [
  { head: 'table', align: 'left', cell: ({ table }) => table },
  { head: 'rows now', align: 'right', cell: ({ now }) => rows(now) },
  { head: 'in the backup', align: 'right', cell: ({ inBackup }) => rows(inBackup) },
  { head: '', align: 'left', cell: what },
]

const SESSIONS: readonly Column<PostgresSession>[] = [
  { head: 'pid', align: 'right', cell: ({ pid }) => String(pid) },
  { head: 'user', align: 'left', cell: ({ user }) => user },
  { head: 'application', align: 'left', cell: ({ application }) => application },
  { head: 'from', align: 'left', cell: ({ client }) => client ?? '' },
  { head: 'state', align: 'left', cell: ({ state }) => state ?? '' },
  { head: 'in a transaction since', align: 'left', cell: ({ transactionSince }) => transactionSince ?? '' },
]

function what({ now, inBackup }: ReplacedTable): string {
  if (inBackup === null) return 'not in the backup: stays'
  return now === null ? 'made' : 'replaced'
}

/** What a restore would do, for whoever is asked. */
export function renderPostgresPlan(plan: PostgresRestorePlan, style: Style): string {
  const { backup, place, takenAt, backupVersion, target, targetVersion, tables, largeObjects, sessions } = plan
  const lines = [
    style.bold(`restore ${backup} into ${printable(target)}`),
    `  backup    ${printable(`PostgreSQL ${backupVersion}, taken ${takenAt}, in ${place}`)}; what was written since is lost`,
    `  target    ${printable(`PostgreSQL ${targetVersion}`)}`,
    ...renderTable(TABLES, tables, style, MOST_TABLES),
    `  large objects: ${count(largeObjects.now)} now, ${count(largeObjects.inBackup)} in the backup; others stay`,
    ...rolesLines(plan, style),
    ...plan.keptExtensions.map(
      (name) =>
        `  ${style.warn('kept')}      ${printable(`extension ${name}: it belongs to another user, and stays as it is`)}`,
    ),
    ...plan.notes.map((note) => `  ${style.warn('note')}      ${printable(note)}`),
  ]
  if (sessions.length > 0)
    lines.push(
      `  ${style.warn('in use')}    ${plural(sessions.length, 'other session')} in this database: stop the pods first, since what they write meanwhile is lost, and what they hold locked keeps the restore waiting`,
      ...renderTable(SESSIONS, sessions, style, MOST_SESSIONS),
    )
  return `${lines.join('\n')}\n`
}

function rolesLines({ roles: { rule, missing } }: PostgresRestorePlan, style: Style): string[] {
  if (rule === 'ignore')
    return [
      `  ${style.warn('roles')}     owners and grants of the backup are left out: all belongs to the user of the restore`,
    ]
  if (missing.length === 0) return []
  return [
    `  ${style.warn('roles')}     ${printable(`made from the backup: ${missing.join(', ')}`)}, and the groups that they are in`,
  ]
}

/** What a restore did, or would do, and what comes next. */
export function renderPostgresRestore(
  outcome: PostgresRestoreOutcome,
  dryRun: boolean,
  planSeen: boolean,
  style: Style,
): string {
  const { plan, restored, differences, lost, tookMs } = outcome
  const shown = planSeen ? '' : renderPostgresPlan(plan, style)
  if (!restored)
    return `${shown}nothing was changed${dryRun ? '; the same command with --yes in place of --dry-run does it' : ''}\n`
  const tables = plan.tables.flatMap(({ inBackup }) => (inBackup === null ? [] : [inBackup]))
  const sum = tables.reduce((sum, rows) => sum + rows, 0)
  const headline =
    differences.length === 0
      ? `${style.good('restored')}  ${plural(tables.length, 'table')}, ${plural(sum, 'row')}, in ${time(tookMs)}: the counts are those of the backup`
      : `${style.bad('differs')}   everything was restored, and then this was not as in the backup:`
  const lines = [
    headline,
    ...differences.map((difference) => `  ${printable(difference)}`),
    ...(lost.length === 0
      ? []
      : [`${style.warn('left out')}  ${plural(lost.length, 'owner or grant', 'owners and grants')}:`]),
    ...lost.slice(0, MOST_LOST).map((statement) => `  ${printable(statement)}`),
    ...(lost.length > MOST_LOST ? [style.dim(`  … ${count(lost.length - MOST_LOST)} more; --json has all`)] : []),
    nextStep(outcome, style),
  ]
  return `${shown}${lines.join('\n')}\n`
}

function nextStep({ differences, restart, plan }: PostgresRestoreOutcome, style: Style): string {
  if (differences.length > 0)
    return `next: stop whatever writes to ${printable(plan.target)}, then run the same command again`
  if (restart === null) return 'next: restart obleth pods so that they reload their cache'
  if (restart.exitCode === 0) return `${style.good('restarted')} by ${printable(restart.command)}`
  return [
    `${style.bad('not restarted')}: ${printable(restart.command)} ended with ${restart.exitCode}: ${printable(restart.said)}`,
    'next: the restore itself is done and must not be repeated; restart obleth pods so that they reload their cache',
  ].join('\n')
}
