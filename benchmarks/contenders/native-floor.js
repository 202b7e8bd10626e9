#!/usr/bin/env node
import { openEmbedded } from '../../samples/embedded.js'
import { oblethSchema, USAGE_COLUMNS } from '../../samples/obleth-schema.js'

// native-floor.js <blocks> <ledger>: ready Native blocks into a table like usage, without its view. Nothing that has to
// read JSON first can be faster.

const [blocks, ledger] = process.argv.slice(2)
const names = Object.keys(USAGE_COLUMNS).join(', ')
const clickhouse = openEmbedded(ledger)
for (const statement of oblethSchema()) await clickhouse.command(statement)
await clickhouse.command('CREATE TABLE obleth.usage_floor AS obleth.usage')
await clickhouse.command(
  `INSERT INTO obleth.usage_floor (${names}) SELECT ${names} FROM file('${blocks}', Native) SETTINGS async_insert = 0`,
)
await clickhouse.close()
