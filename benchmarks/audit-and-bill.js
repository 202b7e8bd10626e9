#!/usr/bin/env node
/**
 * Audits and bills a ledger of five million rows over HTTP and prints how long it took and what the command itself held in
 * memory at most. The engine's own memory is not counted: it is the server's.
 */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { oblethSchema } from '../samples/obleth-schema.js'
import { PASSWORD, USER, withFront } from './runner/front.js'
import { largestNote, measuredEnvironment } from './runner/measure.js'

const COMMAND = fileURLToPath(new URL('../bin/obleth-ledger.js', import.meta.url))
const ROWS = 5_000_000
const ROWS_AT_ONCE = 500_000
const DAY_MS = 86_400_000
const DAYS = 90
/** The ledger ends with yesterday. */
const START_MS = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAYS * DAY_MS
const SPACING_MS = Math.floor((DAYS * DAY_MS) / ROWS)

const dir = mkdtempSync(join(tmpdir(), 'audit-and-bill-'))
try {
  await withFront(dir, async (url) => {
    await fill(url)
    const period = ['--since', iso(START_MS), '--until', iso(START_MS + DAYS * DAY_MS)]
    for (const args of [
      ['audit'],
      ['audit', '--report', 'audit.html'],
      ['bill', ...period, '--json'],
      ['bill', ...period, '--report', 'bill'],
    ])
      report(url, args)
  })
} finally {
  rmSync(dir, { recursive: true, force: true })
}

/** Two hundred tenants, a thousand keys, seven models; through the view, as a gateway inserts. */
async function fill(url) {
  for (const statement of oblethSchema()) await ask(url, statement)
  for (let from = 0; from < ROWS; from += ROWS_AT_ONCE)
    await ask(
      url,
      `INSERT INTO obleth.usage (request_id, tenant_id, key_id, model, admission, weight, input_tokens, output_tokens,
         estimated_tokens, queue_wait_ms, ttft_ms, total_ms, status_code, cache_status, cost_usd, ts_ms, request_type)
       SELECT generateUUIDv4(number), reinterpretAsUUID(toUInt128(1 + number % 200)),
         reinterpretAsUUID(toUInt128(1 + number % 1000)), concat('model-', toString(number % 7)), 'fast', 1,
         1000 + number % 500, 100, 1100, 0, 50, 500, 200, 'miss', 0.0001 * (number % 977),
         ${START_MS} + toInt64(number) * ${SPACING_MS} + cityHash64(number) % ${SPACING_MS}, 'chat'
       FROM numbers(${from}, ${ROWS_AT_ONCE}) SETTINGS max_partitions_per_insert_block = 0, async_insert = 0`,
    )
}

async function ask(url, statement) {
  const headers = { 'X-ClickHouse-User': USER, 'X-ClickHouse-Key': PASSWORD }
  const answer = await fetch(url, { method: 'POST', body: statement, headers })
  if (!answer.ok) throw new Error(await answer.text())
}

function report(url, args) {
  const notes = mkdtempSync(join(dir, 'rss-'))
  const out = openSync(join(dir, 'out'), 'w')
  const target = ['--clickhouse-url', url, '--clickhouse-user', USER, '--state-dir', join(dir, 'state')]
  const started = performance.now()
  const { status, stderr } = spawnSync(process.execPath, [COMMAND, ...args, ...target], {
    cwd: dir,
    env: { ...measuredEnvironment(notes), OBLETH_LEDGER_CLICKHOUSE_PASSWORD: PASSWORD },
    stdio: ['ignore', out, 'pipe'],
    encoding: 'utf8',
  })
  closeSync(out)
  if (status !== 0 && status !== 4) throw new Error(stderr)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const mebibytes = (largestNote(notes) / 2 ** 20).toFixed(0)
  process.stdout.write(`${args.join(' ')}: exit ${status}, ${seconds} s, ${mebibytes} MiB\n`)
}

function iso(ms) {
  return new Date(ms).toISOString()
}
