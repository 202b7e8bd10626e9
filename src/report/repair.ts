import type { DoubledDay, DriftedGroup, RepairFindings, RepairOutcome } from '../domain/repair.js'
import { count, plural } from './format.js'
import type { Style } from './style.js'
import { type Column, renderTable } from './table.js'

/** So many groups are named one by one; `--json` has all. */
const MOST_GROUPS = 20

const DAYS: readonly Column<DoubledDay>[] = [
  { head: 'day', align: 'left', cell: ({ day }) => day },
  { head: 'records', align: 'right', cell: ({ records }) => count(records) },
  { head: 'copies', align: 'right', cell: ({ copies }) => count(copies) },
  { head: 'other values', align: 'right', cell: ({ versions }) => count(versions) },
  { head: 'tokens', align: 'right', cell: ({ tokens }) => count(tokens) },
  { head: 'USD', align: 'right', cell: ({ costUsd }) => costUsd.toFixed(4) },
  { head: 'usage_daily', align: 'left', cell: ({ rollup }) => rollupOf(rollup) },
]

const GROUPS: readonly Column<DriftedGroup>[] = [
  { head: 'group', align: 'left', cell: ({ group }) => group },
  { head: 'requests', align: 'right', cell: ({ requests }) => `${requests > 0 ? '+' : ''}${count(requests)}` },
  { head: 'usage_daily', align: 'left', cell: cure },
]

/** What a repair would do, for whoever is asked. */
export function renderFindings({ days, drifted }: RepairFindings, style: Style): string {
  const lines: string[] = []
  if (days.length > 0)
    lines.push(
      style.bold('records that are in `usage` more than once, and the rows that go'),
      ...renderTable(DAYS, days, style),
      '',
    )
  if (drifted.length > 0)
    lines.push(
      style.bold('groups whose usage_daily differs from usage (day/tenant/key/model)'),
      ...renderTable(GROUPS, drifted, style, MOST_GROUPS),
      '',
    )
  return lines.map((line) => `${line}\n`).join('')
}

/** What a repair did, or would do, and what is left. */
export function renderRepair({ repaired, found, left, ...done }: RepairOutcome, style: Style): string {
  const clean = left.days.length === 0 && left.drifted.length === 0
  if (!repaired && clean)
    return `${style.good('nothing to repair')}  no record is in \`usage\` twice, and usage_daily agrees with it\n`
  if (!repaired) return `${renderFindings(found, style)}${nextStep(found)}\n`
  const did = [
    `${plural(done.removed, 'row')} removed`,
    ...(done.raised > 0 ? [`${plural(done.raised, 'group')} of usage_daily raised`] : []),
    ...(done.lowered > 0 ? [`${plural(done.lowered, 'group')} of usage_daily lowered`] : []),
  ]
  const headline = `${style.good('repaired')}  ${did.join(', ')}\n`
  const rest = clean ? '' : `\n${style.warn('left as it is')}\n${renderFindings(left, style)}${nextStep(left)}\n`
  return `${renderFindings(found, style)}${headline}${rest}`
}

function nextStep({ days, drifted }: RepairFindings): string {
  if (days.length > 0)
    return 'next: stop the pods that still replay their WAL, then `obleth-ledger repair` removes these rows'
  const higher = drifted.some(({ side, leftBy }) => side === 'higher' || leftBy !== null)
  return higher
    ? 'next: `obleth-ledger repair --lower-rollup <group>` brings a group of usage_daily to usage, once you know that usage is right'
    : 'next: `obleth-ledger repair --repair-rollup` raises usage_daily to usage'
}

function rollupOf({ lowered, kept, unproven, leftToRun }: DoubledDay['rollup']): string {
  const parts = [
    [lowered, 'lowered with them'],
    [kept, 'right as it is'],
    [unproven, 'cannot be proven: left'],
    [leftToRun, 'left to the unfinished run'],
  ] as const
  const said = parts.filter(([groups]) => groups > 0).map(([groups, what]) => `${plural(groups, 'group')} ${what}`)
  return said.join(', ')
}

function cure({ side, leftBy }: DriftedGroup): string {
  if (leftBy !== null) return `left so by run ${leftBy}: --lower-rollup`
  return side === 'lower' ? 'holds less: --repair-rollup' : 'holds more: --lower-rollup'
}
