import type { Writable } from 'node:stream'
import { LedgerError } from '../domain/errors.js'
import type { TargetOptions } from '../domain/options.js'
import type { QueryOptions } from '../domain/run.js'
import { connect } from '../ledger/connect.js'
import { assertFormat, rawStatement } from '../ledger/raw-query.js'

/**
 * Runs one statement on the target and writes the engine's answer as it is. Unless `write` is set, only statements
 * that change nothing are let through. Throws `usage` for a bad format or statement.
 */
export async function query(target: TargetOptions, sql: string, options: QueryOptions, out: Writable): Promise<void> {
  assertFormat(options.format)
  const statement = sql.trim().replace(/;\s*$/, '')
  if (statement === '') throw new LedgerError('usage', 'the statement is empty')
  const ledger = await connect(target)
  try {
    const readOnly = ledger.settings({ readonly: 1 })
    for await (const chunk of ledger.raw(rawStatement(statement, options, readOnly)))
      if (!out.write(chunk)) await new Promise((resolve) => out.once('drain', resolve))
  } finally {
    await ledger.close()
  }
}
