#!/usr/bin/env node
import { openEmbedded } from '../../samples/embedded.js'
import { ROLLUP_GROUP, ROLLUP_INTEGERS, USAGE_COLUMNS } from '../../samples/obleth-schema.js'

// fingerprint.js <ledger> <table>: what two ledgers must have in common to be the same, as JSON. The hash of usage takes in the
// bits of every double; the rollup is compared in its whole numbers, since sums of doubles depend on their order.

const [ledger, table] = process.argv.slice(2)
const clickhouse = openEmbedded(ledger)
const [usage] = await clickhouse.rows(
  `SELECT toString(count()) AS rows, toString(sum(cityHash64(${Object.keys(USAGE_COLUMNS)}))) AS hash,
   toString(sum(input_tokens)) AS all_input_tokens FROM obleth.${table}`,
)
const sums = ROLLUP_INTEGERS.map((name) => `sum(${name})`)
const [rollup] = await clickhouse.rows(
  `SELECT toString(count()) AS groups, toString(sum(hash)) AS hash FROM (
     SELECT cityHash64(${ROLLUP_GROUP}, ${sums}) AS hash FROM obleth.usage_daily GROUP BY ${ROLLUP_GROUP})`,
)
await clickhouse.close()
process.stdout.write(JSON.stringify({ usage, rollup }))
