import { LedgerError } from '../../domain/errors.js'
import type { Ledger } from '../../ledger/ledger.js'
import { createScratch, dropDatabase } from '../../ledger/scratch-database.js'

/** What one row, as below, must add to the rollup. */
const EXPECTED = { requests: '1', success_requests: '1', input_tokens: '11', output_tokens: '7' }

/**
 * Proves that a view brings a row of `usage` into `usage_daily`, with copies of the two tables and one row: a restored row
 * does not go through it, so nothing else would show that the next request does. The view's own tables are not touched.
 *
 * @param viewSql the view in the database of `beside`, whose name, a unique one, stands in it for that of its tables
 * @param probe database for the copies, which is dropped again
 * @throws LedgerError `verification_failed`
 */
export async function proveView(beside: Ledger, viewSql: string, probe: string): Promise<void> {
  const copy = beside.in(probe)
  // What an attempt left that was killed.
  await dropDatabase(beside, probe)
  try {
    await createScratch(copy, probe)
    for (const name of ['usage', 'usage_daily'])
      await copy.command(`CREATE TABLE ${copy.table(name)} AS ${beside.table(name)}`)
    await copy.command(viewSql.replaceAll(beside.database, probe))
    await copy.command(
      `INSERT INTO ${copy.table('usage')}
         (request_id, tenant_id, key_id, model, admission, weight, input_tokens, output_tokens, estimated_tokens,
          queue_wait_ms, ttft_ms, total_ms, status_code, ts_ms) ${copy.settings({ async_insert: 0 })}
       SELECT generateUUIDv4(), toUUID('${NIL}'), toUUID('${NIL}'), 'probe', 'fast', 1, 11, 7, 18, 0, 1, 2, 200,
         toUnixTimestamp64Milli(now64(3))`,
    )
    const sums = Object.keys(EXPECTED).map((name) => `toString(sum(${name})) AS ${name}`)
    const [found] = await copy.rows<Record<string, string>>(
      `SELECT ${sums.join(', ')} FROM (SELECT * FROM ${copy.table('usage_daily')})`,
    )
    if (JSON.stringify(found) !== JSON.stringify(EXPECTED))
      throw new LedgerError(
        'verification_failed',
        'the view of the backup does not bring a row of `usage` into `usage_daily`',
        {
          place: beside.location,
          hint: 'the ledger was backed up with a view that is not the one of obleth: compare its definition; nothing was restored',
        },
      )
  } finally {
    await dropDatabase(beside, probe)
  }
}

const NIL = '00000000-0000-0000-0000-000000000000'
