#!/usr/bin/env node
import { join } from 'node:path'
import { openEmbedded } from '../../samples/embedded.js'
import { insertJsonl, oblethSchema } from '../../samples/obleth-schema.js'

// sql-way.js <tree> <ledger> [--plain]: what an operator can do with SQL alone, into the same schema with its view.
// --plain leaves out dedup and order, and so leaves every copy in the ledger.

/** The WAL files of a generated tree, and not their checkpoints. */
const WAL_PATTERN = '**/*{.wal,.jsonl}'

const [tree, ledger, plain] = process.argv.slice(2)
const clickhouse = openEmbedded(ledger)
for (const statement of oblethSchema()) await clickhouse.command(statement)
await clickhouse.command(
  insertJsonl(join(tree, WAL_PATTERN), {
    clauses: plain === '--plain' ? '' : 'ORDER BY ts_ms LIMIT 1 BY request_id',
    // By default ClickHouse reads one double in eleven of such files as its neighbour: not the same ledger then.
    settings: 'precise_float_parsing = 1, input_format_skip_unknown_fields = 1',
  }),
)
await clickhouse.close()
