#!/usr/bin/env node
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { differences } from './compare.js'
import { openEmbedded } from './embedded.js'
import { insertJsonl, oblethSchema, ROLLUP_SQL, TOTAL_SQL } from './obleth-schema.js'

// Rebuilds the ledger of samples/outage and compares it with what the generator expects. Exit 1 on any difference.

const SAMPLES = fileURLToPath(new URL('.', import.meta.url))
const CLI = resolve(SAMPLES, '../bin/obleth-ledger.js')
const OUTAGE = join(SAMPLES, 'outage')
const REBUILT = join(SAMPLES, '.rebuilt')
const LEDGER = ['--embedded', join(REBUILT, 'ledger'), '--state-dir', join(REBUILT, 'state')]

/** Nothing of a real ledger reaches the command: no variable of obleth's or ours. */
const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.toUpperCase().startsWith('OBLETH')),
)

const BY_DAY = `
  SELECT toDate(ts) AS day, count() AS requests, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
    round(sum(cost_usd), 6) AS cost_usd
  FROM obleth.usage GROUP BY day ORDER BY day`

/** Rows of the rebuilt ledger, as expected.json words them. */
const QUERIES = {
  usage: 'SELECT count() AS rows, uniqExact(request_id) AS ids FROM obleth.usage',
  total: TOTAL_SQL,
  dayTenants: `SELECT toString(toDate(ts)) AS day, tenant_id AS tenantId, count() AS after
    FROM obleth.usage GROUP BY day, tenantId ORDER BY day, toString(tenantId)`,
  rollup: ROLLUP_SQL,
}

await makeEarlierLedger()
say('Replaying the files of the four pods.')
const code = runCli(['replay', join(OUTAGE, 'pods'), ...LEDGER, '--yes'])
say('The ledger by day:')
runCli(['query', BY_DAY, ...LEDGER])
say('The same replay again, which must change nothing.')
const again = JSON.parse(readCli(['replay', join(OUTAGE, 'pods'), ...LEDGER, '--yes', '--json', '--quiet']))
const found = differences(JSON.parse(readFileSync(join(OUTAGE, 'expected.json'), 'utf8')), {
  exitCode: code,
  again,
  quarantined: rowsOf(readFileSync(resolve(REBUILT, again.quarantine), 'utf8')),
  usage: query(QUERIES.usage),
  total: query(QUERIES.total),
  dayTenants: query(QUERIES.dayTenants),
  rollup: query(QUERIES.rollup),
})
for (const difference of found) process.stdout.write(`DIFFERENT: ${difference}\n`)
if (found.length > 0) process.exitCode = 1
else say('OK: ledger, rollup, counts and quarantine are what samples/outage/expected.json says.')

/** The ledger as it came back from its backup: obleth's schema, its rows, and the rollup by obleth's own view. */
async function makeEarlierLedger() {
  rmSync(REBUILT, { recursive: true, force: true })
  mkdirSync(REBUILT)
  const ledger = openEmbedded(join(REBUILT, 'ledger'))
  try {
    for (const statement of oblethSchema()) await ledger.command(statement)
    const settings = 'precise_float_parsing = 1, async_insert = 0'
    await ledger.command(insertJsonl(join(OUTAGE, 'earlier-ledger', 'usage.jsonl'), { settings }))
    const [{ rows }] = await ledger.rows('SELECT toString(count()) AS rows FROM obleth.usage')
    say(`A backup gave back ${rows} requests; the pods still hold the rest.`)
  } finally {
    await ledger.close()
  }
}

/** Runs the command in front of the reader. @param {string[]} args @returns {number} its exit code, 0 or 3 */
function runCli(args) {
  return checked(spawnSync(process.execPath, [CLI, ...args], { cwd: REBUILT, env: ENVIRONMENT, stdio: 'inherit' }))
}

/** Runs it for its output. @param {string[]} args @returns {string} */
function readCli(args) {
  const options = { cwd: REBUILT, env: ENVIRONMENT, encoding: /** @type {const} */ ('utf8'), maxBuffer: 1 << 28 }
  const run = spawnSync(process.execPath, [CLI, ...args], { ...options, stdio: ['ignore', 'pipe', 'inherit'] })
  checked(run)
  return run.stdout
}

/** @param {string} sql @returns {Record<string, unknown>[]} */
function query(sql) {
  return rowsOf(readCli(['query', sql, ...LEDGER, '--format', 'JSONEachRow']))
}

/** @param {{ status: number | null, error?: Error | undefined, signal: string | null }} run @returns {number} */
function checked({ status, error, signal }) {
  if (error !== undefined) throw error
  // 3: done, and some bytes of the input hold no record. This outage has such bytes.
  if (status === 0 || status === 3) return status
  say(`The command ended with ${status ?? signal}. Is it built? \`npm run build\` does that.`)
  process.exit(1)
}

/** @param {string} jsonl @returns {Record<string, unknown>[]} */
function rowsOf(jsonl) {
  return jsonl
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

/** @param {string} text */
function say(text) {
  process.stdout.write(`\n${text}\n`)
}
