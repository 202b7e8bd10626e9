import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { LedgerDir } from '../support/ledger-dir.js'
import {
  batches,
  insertOf,
  ROLLUP_SQL,
  record,
  rollupOf,
  SEGMENT,
  START_MS,
  segment,
  type TestRecord,
} from '../support/records.js'
import { expectLedger } from '../support/server/expect-ledger.js'
import { ServerDir, type ServerRan } from '../support/server/server-dir.js'
import { PASSWORD } from '../support/server/targets.js'

const DAY_MS = 86_400_000
const ALL = Array.from({ length: 60 }, (_, n) => record(n, n === 11 ? { request_type: 'benchmark' } : {}))
const inFives = (records: readonly TestRecord[]) => batches(records, 5)
const USAGE_SQL = 'SELECT count() AS rows, sum(cityHash64(*)) AS hash FROM obleth.usage'
const TABLES_SQL = `SELECT name, replaceAll(create_table_query, toString(uuid), '') AS ddl FROM system.tables
  WHERE database = 'obleth' AND NOT startsWith(name, 'usage_replay') ORDER BY name`

let dir: ServerDir

beforeAll(async () => {
  dir = await ServerDir.start()
})
afterAll(() => dir.remove())
beforeEach(async () => {
  await dir.empty()
  dir.files.write(SEGMENT, segment(inFives(ALL)))
})

/** obleth's schema, and nothing in it. */
async function makeSchema(): Promise<void> {
  const { code, output } = await dir.replayNothing()
  expect(code, output).toBe(0)
}

const classes = ({ document }: ServerRan) => document.warnings.map((warning) => warning.class)
const messageOf = ({ document }: ServerRan, kind: string) =>
  document.warnings.find((warning) => warning.class === kind)?.message

describe('what a replay into a server asks for first', () => {
  it('is --yes, where nobody can be asked', async () => {
    const ran = await dir.run(['--create-schema'])
    expect([ran.code, ran.document.error?.code, ran.document.status], ran.output).toEqual([5, 'refused', 'refused'])
    expect(ran.output).toContain('--yes')
    expect(await dir.sql("SELECT name FROM system.databases WHERE name = 'obleth'")).toEqual([[]])
  })

  it('is --create-schema, where there are no tables', async () => {
    const ran = await dir.replay()
    expect([ran.code, ran.document.error?.code], ran.output).toEqual([5, 'refused'])
    expect(ran.output).toContain('--create-schema')
    expect(await dir.sql("SELECT name FROM system.databases WHERE name = 'obleth'")).toEqual([[]])
  })

  it('is the right password, which it never prints', async () => {
    const wrong = 'Wr0ng-&-s3cret'
    const ran = await dir.run(['--yes', '--create-schema'], { env: { OBLETH_LEDGER_CLICKHOUSE_PASSWORD: wrong } })
    expect([ran.code, ran.document.error?.code], ran.output).toEqual([12, 'access_denied'])
    expect(ran.output).not.toContain(wrong)
    expect(ran.output).toContain('OBLETH_CLICKHOUSE_PASSWORD')
  })

  it('may stand in a file', async () => {
    const file = join(dir.files.root, 'password')
    writeFileSync(file, `${PASSWORD}\n`, { mode: 0o600 })
    const args = ['--yes', '--create-schema', '--clickhouse-password-file', file]
    const ran = await dir.run(args, { env: { OBLETH_LEDGER_CLICKHOUSE_PASSWORD: '' } })
    expect(ran.code, ran.output).toBe(0)
    expect(ran.output).not.toContain(PASSWORD)
    await expectLedger(dir, ALL)
  })

  it('is a server that answers: it tries again a few times, then says so', async () => {
    let connections = 0
    const closing = createServer((socket) => {
      connections++
      socket.destroy()
    })
    const port = await new Promise<number>((resolve) => {
      closing.listen(0, '127.0.0.1', () => {
        const address = closing.address()
        resolve(typeof address === 'object' && address !== null ? address.port : 0)
      })
    })
    const ran = await dir.run(['--yes'], { url: `http://127.0.0.1:${port}` })
    await new Promise((resolve) => closing.close(resolve))
    expect([ran.code, ran.document.error?.code], ran.output).toEqual([13, 'target_unreachable'])
    expect(ran.output).not.toContain(PASSWORD)
    expect(connections).toBeGreaterThan(2)
    expect(connections).toBeLessThan(20)
  })
})

describe('a replay into a server', () => {
  it('gives what a replay into an embedded ledger gives, in the same tables', async () => {
    const embedded = new LedgerDir()
    embedded.write(SEGMENT, segment(inFives(ALL)))
    const there = embedded.replay()
    const [usage, rollup, tables] = embedded.sql(USAGE_SQL, ROLLUP_SQL, TABLES_SQL)
    embedded.remove()
    const ran = await dir.replay('--create-schema')
    expect([ran.code, ran.document.status, ran.document.rollup], ran.output).toEqual([0, 'ok', 'consistent'])
    expect(ran.document.target).toMatchObject({ kind: 'server', location: dir.server.url, engine: 'MergeTree' })
    const here = await dir.sql(USAGE_SQL, ROLLUP_SQL, TABLES_SQL)
    const sorted = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).sort()
    expect(here[0]).toEqual(usage)
    expect(sorted(here[1])).toEqual(sorted(rollup))
    expect(here[2]).toEqual(tables)
    expect(here[2].map(({ name }) => name)).toEqual(['usage', 'usage_daily', 'usage_daily_mv', 'usage_meta'])
    expect(await dir.sql('SELECT key, value FROM obleth.usage_meta')).toEqual([[{ key: 'backfilled_v1', value: '1' }]])
    expect(ran.document.records).toEqual(there.document.records)
    await expectLedger(dir, ALL)
    const again = await dir.replay()
    expect([again.code, again.document.records.inserted], again.output).toEqual([0, 0])
    await expectLedger(dir, ALL)
  })

  it('counts benchmark requests in usage alone', async () => {
    await makeSchema()
    const synthetic = Array.from({ length: 5 }, (_, n) => record(100 + n, { request_type: 'benchmark' }))
    dir.files.write('router-1/telemetry.wal', segment([synthetic]))
    const ran = await dir.replay()
    expect([ran.code, ran.document.records.inserted], ran.output).toEqual([0, 65])
    await expectLedger(dir, [...ALL, ...synthetic], rollupOf(ALL))
    const [[{ requests }]] = await dir.sql('SELECT sum(requests) AS requests FROM obleth.usage_daily')
    expect(requests).toBe('59')
  })

  it('does not count acknowledged records again after a raw loss', async () => {
    await makeSchema()
    await dir.sql(...inFives(ALL.slice(0, 40)).map(insertOf), 'TRUNCATE TABLE obleth.usage')
    dir.files.write(`${SEGMENT}.offset`, String(segment(inFives(ALL.slice(0, 40))).length))
    const ran = await dir.replay()
    expect([ran.code, ran.document.rollup, ran.document.records.inserted], ran.output).toEqual([0, 'consistent', 60])
    await expectLedger(dir, ALL)
  })

  it('fills an older deployment, and says which values had no home', async () => {
    await dir.sql('CREATE DATABASE obleth', ...OLD_SCHEMA)
    await dir.sql(OLD_INSERT)
    dir.files.write(`${SEGMENT}.offset`, '0')
    const ran = await dir.replay()
    expect([ran.code, ran.document.rollup, ran.document.records.inserted], ran.output).toEqual([0, 'consistent', 60])
    for (const name of ['energy_wh', 'energy_cost_usd', 'co2_g', 'session_id_source', 'device_id'])
      expect(messageOf(ran, 'no_column')).toContain(name)
    expect(await dir.sql('SELECT count() AS rows, uniqExact(request_id) AS ids FROM obleth.usage')).toEqual([
      [{ rows: '61', ids: '61' }],
    ])
    const [[sums]] = await dir.sql(`SELECT sum(requests) AS requests, sum(input_tokens) AS input_tokens,
      sum(cost_usd_sum) AS cost FROM obleth.usage_daily`)
    const counting = ALL.filter(({ request_type }) => request_type !== 'benchmark')
    expect(sums).toEqual({
      requests: String(counting.length + 1),
      input_tokens: String(counting.reduce((sum, { input_tokens }) => sum + input_tokens, 7)),
      // Binary fractions, so that the sum is exact in any order.
      cost: counting.reduce((sum, { cost_usd }) => sum + cost_usd, 0),
    })
  })

  it('names the other views that will not see what it publishes', async () => {
    await makeSchema()
    await dir.sql(
      'CREATE TABLE obleth.per_model (model String, n UInt64) ENGINE = SummingMergeTree ORDER BY model',
      'CREATE MATERIALIZED VIEW obleth.finance_mv TO obleth.per_model AS SELECT model, count() AS n FROM obleth.usage GROUP BY model',
    )
    const ran = await dir.replay()
    expect(ran.code, ran.output).toBe(0)
    expect(messageOf(ran, 'other_views')).toContain('obleth.finance_mv')
    expect(messageOf(ran, 'other_views')).not.toContain('usage_daily_mv')
    expect(await dir.sql('SELECT count() AS rows FROM obleth.per_model')).toEqual([[{ rows: '0' }]])
  })

  it.each([
    ['usage_daily and its view', ['DROP TABLE obleth.usage_daily_mv SYNC', 'DROP TABLE obleth.usage_daily SYNC']],
    [
      'all of them but usage',
      ['usage_daily_mv', 'usage_daily', 'usage_meta'].map((t) => `DROP TABLE obleth.${t} SYNC`),
    ],
  ])('fills usage alone where %s do not exist', async (_, drops) => {
    await makeSchema()
    await dir.sql(...drops)
    const ran = await dir.replay()
    expect([ran.code, ran.document.rollup, ran.document.records.inserted], ran.output).toEqual([0, 'absent', 60])
    expect(messageOf(ran, 'rollup_absent')).toMatch(/obleth makes it at its next boot/)
    expect(await dir.sql("SELECT name FROM system.tables WHERE database = 'obleth' AND name = 'usage_daily'")).toEqual([
      [],
    ])
  })

  it('settles the rollup where only the view is missing', async () => {
    await makeSchema()
    await dir.sql('DROP TABLE obleth.usage_daily_mv SYNC')
    const ran = await dir.replay()
    expect([ran.code, ran.document.rollup], ran.output).toEqual([0, 'consistent'])
    expect(classes(ran)).toContain('no_view')
    await expectLedger(dir, ALL)
  })
})

describe('records older than the TTL', () => {
  const recent = Array.from({ length: 10 }, (_, n) => record(200 + n, { ts_ms: Date.now() - DAY_MS + n }))

  beforeEach(async () => {
    await makeSchema()
    await dir.sql('ALTER TABLE obleth.usage MODIFY TTL toDateTime(ts_ms / 1000) + INTERVAL 90 DAY')
    await dir.sql(insertOf(recent.slice(0, 5)))
    dir.files.write('router-1/telemetry.wal', segment([recent]))
  })

  it('are refused at first, and the live tables stay as they are', async () => {
    const before = await dir.sql(USAGE_SQL, ROLLUP_SQL)
    const ran = await dir.replay()
    expect([ran.code, ran.document.error?.code], ran.output).toEqual([5, 'refused'])
    expect(ran.document.error?.message).toContain(`${ALL.length} records`)
    expect(ran.output).toMatch(/--expired skip.*--expired include/)
    expect(await dir.sql(USAGE_SQL, ROLLUP_SQL)).toEqual(before)
  })

  it('are left out with --expired skip', async () => {
    const ran = await dir.replay('--expired', 'skip')
    expect([ran.code, ran.document.rollup], ran.output).toEqual([0, 'consistent'])
    expect(ran.document.records).toMatchObject({ decoded: 70, inserted: 5, alreadyInLedger: 5, filteredOut: 60 })
    await expectLedger(dir, recent)
  })

  it('are loaded with --expired include, and warned about', async () => {
    // Merges would take them at once; a TTL that is only due later leaves time to look.
    await dir.sql('SYSTEM STOP TTL MERGES obleth.usage')
    const ran = await dir.replay('--expired', 'include')
    expect([ran.code, ran.document.rollup, ran.document.records.inserted], ran.output).toEqual([0, 'consistent', 65])
    expect(ran.document.warnings.find((warning) => warning.class === 'expired')).toMatchObject({ count: 60 })
    await expectLedger(dir, [...recent, ...ALL])
  })
})

describe('a server of another time zone', () => {
  /** 01:00 in New York on the 11th: with the others, all of the 10th there, it makes two days as in UTC, but other ones. */
  const late = Array.from({ length: 6 }, (_, n) => record(300 + n, { ts_ms: START_MS + 7 * 3_600_000 + n }))
  const newYork = new Intl.DateTimeFormat('en-CA', { timeZone: 'America/New_York' })
  /** As if the server's days were those of UTC: only the day's name counts in the sums. */
  const shifted = [...ALL, ...late].map((r) => ({ ...r, ts_ms: Date.parse(`${newYork.format(r.ts_ms)}T12:00:00Z`) }))
  let east: ServerDir

  beforeAll(async () => {
    east = await ServerDir.start('America/New_York')
    east.files.write(SEGMENT, segment(inFives(ALL)))
    east.files.write('router-1/telemetry.wal', segment([late]))
  })
  afterAll(() => east.remove())

  it('has its own days, and is told of', async () => {
    const ran = await east.replay('--create-schema')
    expect([ran.code, ran.document.rollup, ran.document.records.inserted], ran.output).toEqual([0, 'consistent', 66])
    expect(messageOf(ran, 'non_utc_server')).toContain('America/New_York')
    await expectLedger(east, [...ALL, ...late], rollupOf(shifted))
    expect(new Set(Object.keys(rollupOf(shifted)).map((key) => key.slice(0, 10)))).toEqual(
      new Set(['2026-03-10', '2026-03-11']),
    )
    const [days] = await east.sql('SELECT _partition_id AS id, count() AS n FROM obleth.usage GROUP BY id ORDER BY id')
    expect(days).toEqual([
      { id: '20260310', n: '60' },
      { id: '20260311', n: '6' },
    ])
  })

  it('keeps them when the raw table is lost and rebuilt', async () => {
    await east.sql('TRUNCATE TABLE obleth.usage')
    const ran = await east.replay()
    expect([ran.code, ran.document.rollup, ran.document.records.inserted], ran.output).toEqual([0, 'consistent', 66])
    await expectLedger(east, [...ALL, ...late], rollupOf(shifted))
  })
})

const OLD_SCHEMA = [
  `CREATE TABLE obleth.usage (request_id UUID, tenant_id UUID, key_id UUID, model String,
    admission LowCardinality(String), weight Int64, input_tokens UInt32, output_tokens UInt32, estimated_tokens UInt32,
    queue_wait_ms UInt32, ttft_ms UInt32, total_ms UInt32, status_code UInt16,
    cache_status LowCardinality(String) DEFAULT 'off', cost_usd Float64 DEFAULT 0, ts_ms Int64,
    session_id String DEFAULT '', request_type LowCardinality(String) DEFAULT '',
    ts DateTime64(3) MATERIALIZED fromUnixTimestamp64Milli(ts_ms))
    ENGINE = MergeTree() PARTITION BY toYYYYMMDD(ts) ORDER BY (tenant_id, ts_ms)`,
  `CREATE TABLE obleth.usage_daily (day Date, tenant_id UUID, key_id UUID, model String, requests UInt64,
    success_requests UInt64, error_requests UInt64, input_tokens UInt64, output_tokens UInt64, estimated_tokens UInt64,
    cache_hits UInt64, cache_misses UInt64, ttft_ms_sum UInt64, total_ms_sum UInt64, cost_usd_sum Float64)
    ENGINE = SummingMergeTree() PARTITION BY toYYYYMM(day) ORDER BY (day, tenant_id, key_id, model)`,
  `CREATE TABLE obleth.usage_meta (key String, value String, updated_at DateTime64(3) DEFAULT now64(3))
    ENGINE = ReplacingMergeTree(updated_at) ORDER BY (key, value)`,
  `CREATE MATERIALIZED VIEW obleth.usage_daily_mv TO obleth.usage_daily AS
    SELECT toDate(ts) AS day, tenant_id, key_id, model, count() AS requests,
      countIf(status_code >= 200 AND status_code < 400) AS success_requests, countIf(status_code >= 400) AS error_requests,
      sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(estimated_tokens) AS estimated_tokens,
      countIf(cache_status = 'hit') AS cache_hits, countIf(cache_status = 'miss') AS cache_misses,
      sumIf(ttft_ms, status_code >= 200 AND status_code < 400) AS ttft_ms_sum,
      sumIf(total_ms, status_code >= 200 AND status_code < 400) AS total_ms_sum, sum(cost_usd) AS cost_usd_sum
    FROM obleth.usage WHERE request_type != 'benchmark' GROUP BY day, tenant_id, key_id, model`,
]

/** One row that the older gateway had inserted. */
const OLD_INSERT = `INSERT INTO obleth.usage (request_id, tenant_id, key_id, model, admission, weight, input_tokens,
  status_code, cache_status, cost_usd, ts_ms, request_type) SETTINGS async_insert = 0
  VALUES ('00000009-0000-4000-8000-000000000001', '00000002-0000-4000-8000-000000000000',
    '00000003-0000-4000-8000-000000000000', 'gpt-large', 'fast', 1, 7, 200, 'miss', 0, ${START_MS}, 'chat')`
