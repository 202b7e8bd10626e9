import { hostname } from 'node:os'
import { isProcessAlive } from '../domain/process-alive.js'
import { identifier, literal } from './identifiers.js'
import type { Ledger } from './ledger.js'

/** As the comment of a database of ours: who makes use of it. */
const makerComment = (): string => JSON.stringify({ pid: process.pid, host: hostname() })

/** Whether the process that made a database of ours is gone, by its comment; null where it is none of this machine. */
export function makerIsGone(comment: string): boolean | null {
  try {
    const { pid, host } = JSON.parse(comment) as { pid?: unknown; host?: unknown }
    return host === hostname() && typeof pid === 'number' ? !isProcessAlive(pid) : null
  } catch {
    return null
  }
}

/** Makes a database of ours, with its maker's name on it. */
export async function createScratch(ledger: Ledger, name: string): Promise<void> {
  await ledger.command(`CREATE DATABASE ${identifier(name)} ENGINE = Atomic COMMENT ${literal(makerComment())}`)
}

/** Drops a database of ours, whatever it holds. Harmless where it is gone. */
export async function dropDatabase(ledger: Ledger, name: string): Promise<void> {
  // Servers refuse to drop tables above 50 GB by default.
  const anySize = ledger.settings({ max_table_size_to_drop: 0, max_partition_size_to_drop: 0 })
  for (const table of await tablesOf(ledger.in(name)))
    await ledger.command(`DROP TABLE IF EXISTS ${ledger.in(name).table(table)} SYNC ${anySize}`)
  await ledger.command(`DROP DATABASE IF EXISTS ${identifier(name)} SYNC`)
}

async function tablesOf(ledger: Ledger): Promise<string[]> {
  const rows = await ledger.rows<{ name: string }>(
    `SELECT name FROM system.tables WHERE database = ${literal(ledger.database)} ORDER BY engine != 'MaterializedView'`,
  )
  return rows.map(({ name }) => name)
}
