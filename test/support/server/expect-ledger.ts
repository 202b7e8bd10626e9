import { expect } from 'vitest'
import { ROLLUP_SQL, rollupOf, type TestRecord } from '../records.js'
import type { ServerDir } from './server-dir.js'

/** Expects just these records in `usage`, each once, and in the rollup the integers of these, or the given ones. */
export async function expectLedger(
  dir: ServerDir,
  usage: readonly TestRecord[],
  rollup = rollupOf(usage),
): Promise<void> {
  const [ids, sums] = await dir.sql('SELECT toString(request_id) AS id FROM obleth.usage ORDER BY id', ROLLUP_SQL)
  expect(ids.map(({ id }) => id)).toEqual(usage.map(({ request_id }) => request_id).sort())
  expect(Object.fromEntries(sums.map(({ key, sums: s }) => [key, s]))).toEqual(rollup)
}
