#!/usr/bin/env node
import { openEmbedded } from '../../samples/embedded.js'
import { USAGE_COLUMNS } from '../../samples/obleth-schema.js'

// write-native-blocks.js <ledger> <blocks>: the rows of a ledger as one file of Native blocks, in order of time.

const [ledger, blocks] = process.argv.slice(2)
const clickhouse = openEmbedded(ledger)
await clickhouse.command(
  `INSERT INTO FUNCTION file('${blocks}', Native)
   SELECT ${Object.keys(USAGE_COLUMNS).join(', ')} FROM obleth.usage ORDER BY ts_ms, request_id
   SETTINGS max_block_size = 200000, min_insert_block_size_rows = 200000, engine_file_truncate_on_insert = 1`,
)
await clickhouse.close()
