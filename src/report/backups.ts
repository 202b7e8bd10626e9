import { age } from '../domain/age.js'
import type {
  BackupEntry,
  BackupManifest,
  DrilledBackup,
  PruneDecision,
  StoreName,
  VerifiedBackup,
} from '../domain/backup.js'
import { printable } from '../domain/printable.js'
import { shellLine } from '../domain/shell-line.js'
import { count, plural, size, time } from './format.js'
import type { Style } from './style.js'
import { type Column, renderTable } from './table.js'

const MOST_TABLES = 40

/** A backup that has just been made. */
export function renderBackup(manifest: BackupManifest, place: string, style: Style): string {
  const {
    store,
    id,
    serverVersion,
    source,
    encryption,
    serverSideEncryption,
    files,
    contents,
    notes,
    startedAt,
    finishedAt,
  } = manifest
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  const took = Date.parse(finishedAt) - Date.parse(startedAt)
  const facts = Object.entries(contents.facts).map(
    ([name, value]) => `${name} ${Array.isArray(value) ? value.join(', ') || 'none' : value}`,
  )
  const held = store === 'redis' ? 'key' : 'row'
  const lines = [
    `${style.good('backed up')} ${printable(`${store} ${serverVersion}, ${source}`)}`,
    `  backup    ${id}, ${printable(place)}`,
    `  files     ${plural(files.length, 'file')}, ${size(bytes)}, ${encryption === 'none' ? 'not encrypted' : `encrypted with ${encryption}`}${serverSideEncryption === null ? '' : `, by the store with ${serverSideEncryption.algorithm}`}; took ${time(took)}`,
    `  holds     ${printable([...contents.databases, ...facts].join('; ') || 'nothing')}`,
    ...contents.tables
      .slice(0, MOST_TABLES)
      .map(({ table, rows }) => `  ${' '.repeat(8)}  ${printable(table)}: ${plural(rows, held)}`),
    ...notes.map((note) => `  ${style.warn('note')}      ${printable(note)}`),
    `next: ${printable(shellLine(['obleth-ledger', 'backups', 'verify', id, '--backups', place]))}`,
  ]
  return `${lines.join('\n')}\n`
}

const COLUMNS = (nowMs: number): readonly Column<BackupEntry>[] => [
  { head: 'store', align: 'left', cell: ({ store }) => store },
  { head: 'backup', align: 'left', cell: ({ id }) => id },
  { head: 'age', align: 'right', cell: ({ startedMs }) => age(nowMs - startedMs) },
  { head: 'size', align: 'right', cell: ({ bytes }) => size(bytes) },
  { head: 'server', align: 'left', cell: ({ manifest }) => manifest?.serverVersion ?? '' },
  { head: 'source', align: 'left', cell: ({ manifest }) => manifest?.source ?? '' },
  { head: 'encrypted', align: 'left', cell: ({ manifest }) => manifest?.encryption ?? '' },
  { head: 'state', align: 'left', cell: ({ state, reason }) => (reason === null ? state : `${state}: ${reason}`) },
]

/** Every backup, a line each. */
export function renderBackups(backups: readonly BackupEntry[], place: string, nowMs: number, style: Style): string {
  if (backups.length === 0) return `no backups in ${printable(place)}\n`
  return `${renderTable(COLUMNS(nowMs), backups, style).join('\n')}\n`
}

/** What a check of backups found. */
export function renderVerified(verified: readonly VerifiedBackup[], style: Style): string {
  const lines = verified.flatMap(({ store, id, bytes, opened, findings }) => {
    if (findings.length > 0)
      return findings.map(
        ({ path, reason }) =>
          `${style.bad('not sound')}  ${store} ${id}${path === null ? '' : ` ${printable(path)}`}: ${printable(reason)}`,
      )
    const how = opened ? 'hashes and its own programs agree' : 'hashes agree; not opened, since no key is named'
    return [`${style.good('proven')}     ${store} ${id}, ${size(bytes)}: ${how}`]
  })
  return `${lines.join('\n')}\n`
}

/** What restores for practice came to. */
export function renderDrilled(drilled: readonly DrilledBackup[], without: readonly StoreName[], style: Style): string {
  const lines = drilled.flatMap(({ store, id, bytes, fetchMs, restoreMs, findings }) => [
    `${findings.length === 0 ? style.good('restored') : style.bad('differs ')}  ${store} ${id}, ${size(bytes)}: recovery time ${time(fetchMs + restoreMs)} (fetched in ${time(fetchMs)}, restored and compared in ${time(restoreMs)})`,
    ...findings.map((finding) => `  ${style.bad(printable(finding))}`),
  ])
  return `${[...lines, ...without.map((store) => `${style.warn('none')}      ${store}: there is no complete backup`)].join('\n')}\n`
}

const DECISIONS: readonly Column<PruneDecision>[] = [
  { head: 'store', align: 'left', cell: ({ store }) => store },
  { head: 'backup', align: 'left', cell: ({ id }) => id },
  { head: 'size', align: 'right', cell: ({ bytes }) => size(bytes) },
  { head: '', align: 'left', cell: ({ keep }) => (keep ? 'keep' : 'remove') },
  { head: 'why', align: 'left', cell: ({ reasons }) => reasons.join('; ') },
]

/** What a policy keeps, with its reasons, and what it removes. */
export function renderPrune(
  decisions: readonly PruneDecision[],
  removed: boolean,
  place: string,
  style: Style,
): string {
  if (decisions.length === 0) return `no backups in ${printable(place)}\n`
  const gone = decisions.filter(({ keep }) => !keep)
  const bytes = gone.reduce((sum, decision) => sum + decision.bytes, 0)
  const sum = `${count(gone.length)} of ${plural(decisions.length, 'backup')}, ${size(bytes)}`
  const last = removed ? `removed ${sum}` : `would remove ${sum}; nothing was removed: add --confirm to do it`
  return `${[...renderTable(DECISIONS, decisions, style), last].join('\n')}\n`
}
