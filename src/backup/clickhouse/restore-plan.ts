import type { BackupManifest } from '../../domain/backup.js'
import type { ClickhouseRestorePlan } from '../../domain/clickhouse-restore.js'
import { LedgerError } from '../../domain/errors.js'
import { dayOf } from '../../ledger/drift.js'
import { familyOf } from '../../ledger/engine-family.js'
import type { Ledger } from '../../ledger/ledger.js'
import { countTables, differences, type LedgerCounts, sameSums, type TableCounts } from './counts.js'
import { isOfLedger, isOfRun, scratchPrefix } from './names.js'
import { type Placing, readPlacing } from './placing.js'
import { databaseEngine, databasesNamed, type TableEntry, tablesIn } from './tables.js'

/** What was found out before anything is done. */
export interface Look {
  readonly plan: ClickhouseRestorePlan
  readonly databaseExists: boolean
  readonly there: readonly TableEntry[]
  /** Tables whose place the backup takes, or that cannot stay beside it. */
  readonly displaced: readonly TableEntry[]
  /** Where an earlier attempt had come to that. */
  readonly placing: Placing | null
}

/** Holds nothing that anybody would miss: obleth writes it anew at each boot. */
const MARKER_TABLE = 'usage_meta'
const LOCK = 'usage_replay_lock'

/**
 * Looks at the target of a restore, and changes nothing. Throws `refused` where no restore into it can be right, whatever is
 * allowed: another time zone, other engines.
 */
export async function lookAt(
  ledger: Ledger,
  beside: Ledger,
  manifest: BackupManifest,
  counts: LedgerCounts,
): Promise<Look> {
  await refuseZone(ledger, manifest)
  const engine = await databaseEngine(ledger)
  const there = await tablesIn(ledger)
  refuseEngines(ledger, engine, there)
  const names = new Set(counts.tables.map(({ name }) => name))
  const displaced = there.filter(({ name }) => (names.has(name) || isOfLedger(name)) && name !== LOCK)
  const placing = await readPlacing(beside)
  const now = await countUsage(ledger, there)
  const action = placing !== null ? 'resume' : (await isSame(ledger, there, counts)) ? 'none' : 'restore'
  const replaces = action === 'restore' && displaced.some(({ name, rows }) => name !== MARKER_TABLE && (rows ?? 1) > 0)
  const { kind, location, database } = ledger
  const plan: ClickhouseRestorePlan = {
    backup: manifest.id,
    takenAt: manifest.startedAt,
    source: manifest.source,
    target: { kind, location, database },
    action,
    tables: counts.tables.map((table) => ({
      table: table.name,
      now: there.find(({ name }) => name === table.name)?.rows ?? null,
      comes: rowsOf(table),
    })),
    days: daysOf(now, counts.tables.find(({ name }) => name === 'usage')?.partitions ?? []),
    replaces,
    notes: [...manifest.notes, ...(await notesOn(ledger, displaced, replaces, counts))],
  }
  return { plan, databaseExists: engine !== null, there, displaced, placing }
}

const rowsOf = ({ partitions }: TableCounts) => partitions.reduce((sum, { rows }) => sum + rows, 0)

function daysOf(now: ReadonlyMap<string, number>, comes: TableCounts['partitions']): ClickhouseRestorePlan['days'] {
  const coming = new Map(comes.map(({ id, rows }) => [id, rows]))
  const ids = [...new Set([...now.keys(), ...coming.keys()])].sort()
  return ids.map((id) => ({ day: dayOf(id), now: now.get(id) ?? 0, comes: coming.get(id) ?? 0 }))
}

async function countUsage(ledger: Ledger, there: readonly TableEntry[]): Promise<Map<string, number>> {
  if (!there.some(({ name }) => name === 'usage')) return new Map()
  const rows = await ledger.rows<{ id: string; rows: string }>(
    `SELECT _partition_id AS id, toString(count()) AS rows FROM ${ledger.table('usage')} GROUP BY id`,
  )
  return new Map(rows.map(({ id, rows }) => [id, Number(rows)]))
}

/** Whether the target holds just what the backup does: looked at closely only where the number of rows says that it may. */
async function isSame(ledger: Ledger, there: readonly TableEntry[], { tables, view }: LedgerCounts): Promise<boolean> {
  const rows = (wanted: string) => there.find(({ name }) => name === wanted)?.rows
  const [usage, daily] = ['usage', 'usage_daily'].map((wanted) => tables.find(({ name }) => name === wanted))
  if (usage === undefined || rowsOf(usage) === 0 || rows('usage') !== rowsOf(usage)) return false
  if (tables.some(({ name }) => rows(name) === undefined)) return false
  if (view && !there.some(({ name }) => name === 'usage_daily_mv')) return false
  const [foundUsage, foundDaily] = await countTables(ledger, daily === undefined ? ['usage'] : ['usage', 'usage_daily'])
  if (differences([usage], [foundUsage]).length > 0) return false
  return daily === undefined || sameSums(daily, foundDaily)
}

async function refuseZone(ledger: Ledger, { contents }: BackupManifest): Promise<void> {
  const [{ timezone }] = await ledger.rows<{ timezone: string }>('SELECT timezone() AS timezone')
  const { timezone: saved } = contents.facts
  if (saved === timezone) return
  throw new LedgerError(
    'refused',
    `the days of this backup are those of ${saved}, and the server's are those of ${timezone}`,
    {
      place: ledger.location,
      hint: `give the server the time zone ${saved} (<timezone> in its configuration), then run the same command again`,
    },
  )
}

function refuseEngines(ledger: Ledger, database: string | null, there: readonly TableEntry[]): void {
  const refuse = (what: string) =>
    new LedgerError('refused', `${what}: restored tables cannot take their places there`, {
      place: `${ledger.location}, database ${ledger.database}`,
      hint: 'restore into another database (--clickhouse-db), and bring the rows from there; docs/clickhouse-backups.md says how',
    })
  if (database !== null && database !== 'Atomic') throw refuse(`the database is of engine ${database}`)
  const usage = there.find(({ name }) => name === 'usage')
  if (usage === undefined) return
  const family = familyOf(usage.engine)
  if (family !== 'merge_tree' && family !== 'replacing') throw refuse(`\`usage\` is a ${usage.engine} table`)
}

async function notesOn(
  ledger: Ledger,
  displaced: readonly TableEntry[],
  replaces: boolean,
  { tables }: LedgerCounts,
): Promise<string[]> {
  const has = (name: string) => tables.some((table) => table.name === name)
  const runs = displaced.filter(({ name }) => isOfRun(name)).map(({ name }) => name)
  const views = displaced.find(({ name }) => name === 'usage')?.feeds ?? []
  const others = views.filter((name) => name !== `${ledger.database}.usage_daily_mv`)
  const earlier = await databasesNamed(ledger, scratchPrefix(ledger.database, 'before'))
  return [
    ...(replaces
      ? ['the target holds rows: stop the pods, or rows that they insert meanwhile go aside with the others']
      : []),
    ...(runs.length > 0 ? [`a run has not finished, and what it staged goes aside: ${runs.join(', ')}`] : []),
    ...(others.length > 0
      ? [`other views read from \`usage\` and see nothing of what is restored: ${others.join(', ')}`]
      : []),
    ...(earlier.length > 0 ? [`earlier restores left what was there before in ${earlier.join(', ')}`] : []),
    ...(has('usage_daily')
      ? []
      : [
          'the backup has no usage_daily; obleth makes it at its next boot, and seeds it only without its mark in usage_meta',
        ]),
  ]
}
