import { randomUUID } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Ledger, NativeInsert } from './ledger.js'

const ROWS_AT_ONCE = 1000

/**
 * Inserts rows of our own making (plans, differences) by way of a file in `spoolDir`, the one way that both kinds of
 * ledger take any number of rows. 64-bit integers are given as strings of digits. `token`: one never used before where
 * not given.
 */
export async function insertRows(
  ledger: Ledger,
  spoolDir: string,
  table: string,
  columns: NativeInsert['columns'],
  rows: readonly object[],
  token: string = randomUUID(),
): Promise<void> {
  if (rows.length === 0) return
  const file = join(spoolDir, `rows-${randomUUID()}.jsonl`)
  try {
    let bytes = 0
    const out = await open(file, 'wx', 0o600)
    try {
      for (let i = 0; i < rows.length; i += ROWS_AT_ONCE) {
        const lines = Buffer.from(
          rows
            .slice(i, i + ROWS_AT_ONCE)
            .map((row) => `${JSON.stringify(row)}\n`)
            .join(''),
        )
        await out.appendFile(lines)
        bytes += lines.length
      }
    } finally {
      await out.close()
    }
    await ledger.insertNative({ table, columns, file, bytes, token, format: 'JSONEachRow' })
  } finally {
    await rm(file, { force: true })
  }
}
