import { z } from 'zod'
import { LedgerError } from '../../domain/errors.js'
import { identifier, literal } from '../../ledger/identifiers.js'
import type { Ledger } from '../../ledger/ledger.js'
import { dropDatabase } from '../../ledger/scratch-database.js'
import { startMerges } from './scratch.js'
import { type TableEntry, tablesIn } from './tables.js'

const VIEW = 'usage_daily_mv'
/** Its comment holds what is to be done: once it is there, the restored tables are proven. */
const PLAN_TABLE = 'obleth_ledger_placing'

const table = z.object({ name: z.string(), uuid: z.string() })

const placing = z.object({
  /** Restored tables, in the order in which they take their places. */
  tables: z.array(table),
  /** The ledger's own tables that the backup does not have, and its view where that is another one. */
  aside: z.array(table),
  oldView: table.nullable(),
  /** Statement of the backup's view, in the ledger's database; null where it has none. */
  view: z.string().nullable(),
  /** Database that takes what was in their places. */
  before: z.string(),
})

/** How restored tables take the place of what is there. Known by UUIDs, so that every step can be seen to be done. */
export type Placing = z.infer<typeof placing>

/**
 * Marker of the backfill first, so that an obleth which boots half way counts no history again; raw rows before the rollup, so
 * that a request which comes in between is one that `repair --repair-rollup` adds.
 */
const FIRST = ['usage_meta', 'usage', 'usage_daily']

/** Works out how the tables restored into `beside` take their places, and where the others go. */
export function placingOf(
  there: readonly TableEntry[],
  restored: readonly TableEntry[],
  displaced: readonly TableEntry[],
  viewSql: string | null,
  before: string,
): Placing {
  const brief = ({ name, uuid }: TableEntry) => ({ name, uuid })
  const rank = ({ name }: TableEntry) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length)
  const tables = restored.filter(({ name }) => name !== VIEW).sort((a, b) => rank(a) - rank(b))
  const names = new Set(tables.map(({ name }) => name))
  const old = there.find(({ name }) => name === VIEW)
  return {
    tables: tables.map(brief),
    aside: displaced.filter(({ name }) => !names.has(name)).map(brief),
    oldView: old === undefined || old.create === viewSql ? null : brief(old),
    view: viewSql,
    before,
  }
}

/** Notes on the target that what is in `beside` is proven, and how it is put in place. */
export async function notePlacing(beside: Ledger, plan: Placing): Promise<void> {
  await beside.command(
    `CREATE TABLE ${beside.table(PLAN_TABLE)} (x UInt8) ENGINE = MergeTree ORDER BY tuple() ` +
      `COMMENT ${literal(JSON.stringify(plan))}`,
  )
}

/** What {@link notePlacing} noted; null where it did not come to it. */
export async function readPlacing(beside: Ledger): Promise<Placing | null> {
  const [row] = await beside.rows<{ comment: string }>(
    `SELECT comment FROM system.tables
     WHERE database = ${literal(beside.database)} AND name = ${literal(PLAN_TABLE)}`,
  )
  if (row === undefined) return null
  try {
    return placing.parse(JSON.parse(row.comment))
  } catch (cause) {
    throw new LedgerError('state_damaged', 'the note of a restore that stopped half way cannot be read', {
      place: `${beside.location}, ${beside.database}.${PLAN_TABLE}`,
      hint: 'look at the tables of that database by hand: some may be those that were in the ledger before',
      cause,
    })
  }
}

/**
 * Puts the restored tables in place. Each step is seen to be done or not by the UUIDs of the tables, so it goes on wherever
 * it was cut short. A view that is the same stays: it goes by names, so rows that pods insert meanwhile are counted. Returns
 * the database that holds what was there before, null where nothing was.
 */
export async function place(ledger: Ledger, beside: Ledger, plan: Placing): Promise<string | null> {
  await beside.command(`DROP TABLE IF EXISTS ${beside.table(VIEW)} SYNC`)
  await eachThere(ledger, plan.aside, (name) =>
    ledger.command(`RENAME TABLE ${ledger.table(name)} TO ${beside.table(name)}`),
  )
  if (plan.oldView !== null)
    await eachThere(ledger, [plan.oldView], (name) => ledger.command(`DROP TABLE ${ledger.table(name)} SYNC`))
  for (const { name, uuid } of plan.tables) {
    const here = (await tablesIn(ledger)).find((table) => table.name === name)
    const [mine, theirs] = [ledger.table(name), beside.table(name)]
    if (here === undefined) await ledger.command(`RENAME TABLE ${theirs} TO ${mine}`)
    else if (here.uuid !== uuid) await ledger.command(`EXCHANGE TABLES ${mine} AND ${theirs}`)
  }
  if (plan.view !== null && !(await tablesIn(ledger)).some(({ name }) => name === VIEW)) await ledger.command(plan.view)
  await assertPlaced(ledger, plan)
  await startMerges(
    ledger,
    plan.tables.map(({ name }) => name),
  )
  return await leaveBeside(ledger, beside, plan)
}

/** Does it to those of the tables that are still there under this name. */
async function eachThere(
  ledger: Ledger,
  tables: Placing['tables'],
  act: (name: string) => Promise<void>,
): Promise<void> {
  const there = new Set((await tablesIn(ledger)).map(({ uuid }) => uuid))
  for (const { name, uuid } of tables) if (there.has(uuid)) await act(name)
}

async function assertPlaced(ledger: Ledger, plan: Placing): Promise<void> {
  const there = await tablesIn(ledger)
  const missing = plan.tables.filter(({ name, uuid }) => !there.some((t) => t.name === name && t.uuid === uuid))
  const usage = there.find(({ name }) => name === 'usage')
  const fed = plan.view === null || usage?.feeds.includes(`${ledger.database}.${VIEW}`)
  if (missing.length === 0 && fed) return
  const what = missing.length > 0 ? missing.map(({ name }) => name).join(', ') : `${VIEW}, as a view on \`usage\`,`
  throw new LedgerError('verification_failed', `${what} did not come into place`, {
    place: `${ledger.location}, database ${ledger.database}`,
    hint: 'somebody else changes these tables: stop that, then run the same command again',
  })
}

/** The note goes last: as long as tables of before lie beside it, nobody takes them for what a restore left. */
async function leaveBeside(ledger: Ledger, beside: Ledger, plan: Placing): Promise<string | null> {
  const left = (await tablesIn(beside)).filter(({ name }) => name !== PLAN_TABLE)
  if (left.length === 0) {
    await dropDatabase(ledger, beside.database)
    return null
  }
  await ledger.command(`RENAME DATABASE ${identifier(beside.database)} TO ${identifier(plan.before)}`)
  await forgetPlacing(ledger.in(plan.before))
  return plan.before
}

/** Takes the note away, once what was in the ledger before lies under the name that says so. */
export async function forgetPlacing(before: Ledger): Promise<void> {
  await before.command(`DROP TABLE IF EXISTS ${before.table(PLAN_TABLE)} SYNC`)
}
