#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { rowDifferences } from '../../samples/compare.js'
import { openEmbedded } from '../../samples/embedded.js'
import { ROLLUP_GROUP, ROLLUP_INTEGERS, ROLLUP_SQL, TOTAL_SQL, USAGE_COLUMNS } from '../../samples/obleth-schema.js'

// fingerprint.js <ledger> <table> [<expected.json>]: what two ledgers must have in common to be the same, as JSON. The hash of
// usage takes in the bits of every double; the rollup is compared in its whole numbers, since sums of doubles depend on
// their order. Exit 1 where the ledger is not what the generator of its tree expects.

const [ledger, table, expected] = process.argv.slice(2)
/** So many differences tell enough: a wrong rollup has thousands. */
const MOST_SHOWN = 5
const clickhouse = openEmbedded(ledger)
const [usage] = await clickhouse.rows(
  `SELECT toString(count()) AS rows, toString(sum(cityHash64(${Object.keys(USAGE_COLUMNS)}))) AS hash
   FROM obleth.${table}`,
)
const sums = ROLLUP_INTEGERS.map((name) => `sum(${name})`)
const [rollup] = await clickhouse.rows(
  `SELECT toString(count()) AS groups, toString(sum(hash)) AS hash FROM (
     SELECT cityHash64(${ROLLUP_GROUP}, ${sums}) AS hash FROM obleth.usage_daily GROUP BY ${ROLLUP_GROUP})`,
)
const found = expected === undefined ? [] : await unexpected(JSON.parse(readFileSync(expected, 'utf8')))
await clickhouse.close()
if (found.length === 0) process.stdout.write(JSON.stringify({ usage, rollup }))
else {
  process.stderr.write(`${found.length} differences\n${found.slice(0, MOST_SHOWN).join('\n')}\n`)
  process.exitCode = 1
}

/** @param {Record<string, any>} wanted @returns {Promise<string[]>} a sentence for each difference */
async function unexpected({ records, total, dayTenants, rollup }) {
  const ids = 'SELECT count() AS rows, uniqExact(request_id) AS ids FROM obleth.usage'
  const byDay = `SELECT toString(toDate(ts)) AS day, tenant_id AS tenantId, count() AS rows
    FROM obleth.usage GROUP BY day, tenantId ORDER BY day, toString(tenantId)`
  return [
    ...rowDifferences('usage', [{ rows: records.unique, ids: records.unique }], await clickhouse.rows(ids)),
    ...rowDifferences('sums over usage', [total], await clickhouse.rows(TOTAL_SQL)),
    ...rowDifferences('usage by day and tenant', dayTenants, await clickhouse.rows(byDay)),
    ...rowDifferences('usage_daily', rollup, await clickhouse.rows(ROLLUP_SQL)),
  ]
}
