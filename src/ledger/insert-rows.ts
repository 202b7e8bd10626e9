import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Ledger, NativeInsert } from './ledger.js'

/**
 * Inserts rows of our own making (plans, differences) under a token never used before, by way of a file in `spoolDir`,
 * the one way that both kinds of ledger take any number of rows. 64-bit integers are given as strings of digits.
 */
export async function insertRows(
  ledger: Ledger,
  spoolDir: string,
  table: string,
  columns: NativeInsert['columns'],
  rows: readonly object[],
): Promise<void> {
  if (rows.length === 0) return
  const token = randomUUID()
  const file = join(spoolDir, `rows-${token}.jsonl`)
  try {
    const lines = Readable.from(
      (function* () {
        for (const row of rows) yield `${JSON.stringify(row)}\n`
      })(),
    )
    await pipeline(lines, createWriteStream(file, { mode: 0o600 }))
    const { size: bytes } = await stat(file)
    await ledger.insertNative({ table, columns, file, bytes, token, queryId: token, format: 'JSONEachRow' })
  } finally {
    await rm(file, { force: true })
  }
}
