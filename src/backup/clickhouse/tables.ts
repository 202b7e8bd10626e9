import { literal } from '../../ledger/identifiers.js'
import type { Ledger } from '../../ledger/ledger.js'

/** A table or view of a database. */
export interface TableEntry {
  readonly name: string
  readonly uuid: string
  readonly engine: string
  /** Null where the engine does not tell. */
  readonly rows: number | null
  /** Its statement, which an Atomic database shows without its UUID. */
  readonly create: string
  /** Views that its rows go through, `database.name`. */
  readonly feeds: readonly string[]
}

/** What is in the ledger's database; nothing where there is none. */
export async function tablesIn(ledger: Ledger): Promise<TableEntry[]> {
  const rows = await ledger.rows<Omit<TableEntry, 'rows'> & { rows: string | null }>(
    `SELECT name, toString(uuid) AS uuid, engine, toString(total_rows) AS rows, create_table_query AS create,
       arrayMap((d, t) -> concat(d, '.', t), dependencies_database, dependencies_table) AS feeds
     FROM system.tables WHERE database = ${literal(ledger.database)} ORDER BY name`,
  )
  return rows.map((row) => ({ ...row, rows: row.rows === null ? null : Number(row.rows) }))
}

/** The engine of the ledger's database; null where there is none. */
export async function databaseEngine(ledger: Ledger): Promise<string | null> {
  const [row] = await ledger.rows<{ engine: string }>(
    `SELECT engine FROM system.databases WHERE name = ${literal(ledger.database)}`,
  )
  return row?.engine ?? null
}

/** Databases whose names begin so. */
export async function databasesNamed(ledger: Ledger, prefix: string): Promise<string[]> {
  const rows = await ledger.rows<{ name: string }>(
    `SELECT name FROM system.databases WHERE startsWith(name, ${literal(prefix)}) ORDER BY name`,
  )
  return rows.map(({ name }) => name)
}
