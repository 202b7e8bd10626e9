import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { assertReplayable } from '../../src/ledger/assert-replayable.js'
import { familyOf } from '../../src/ledger/engine-family.js'
import { inspectTarget, type TargetState } from '../../src/ledger/inspect-target.js'
import type { Ledger } from '../../src/ledger/ledger.js'
import { lockOwner, TargetLock } from '../../src/ledger/lock.js'
import { createSchema } from '../../src/ledger/schema.js'
import { syncReplicas } from '../../src/ledger/sync-replicas.js'
import { PARTITION_KEY } from '../../src/ledger/usage-columns.js'
import { IMPATIENT } from '../support/patience.js'
import { makeTarget, type TestTarget } from '../support/server/targets.js'

const DAY_MS = 86_400_000
const classes = (state: TargetState) => state.warnings.map((warning) => warning.class)
const careful = { createSchema: false, expired: 'refuse', publish: 'move' } as const

/** As an older gateway made it: no energy, device or source columns, no index, no deduplication window. */
const OLD_USAGE = `(request_id UUID, tenant_id UUID, key_id UUID, model String, admission LowCardinality(String), weight Int64,
  input_tokens UInt32, output_tokens UInt32, estimated_tokens UInt32, queue_wait_ms UInt32, ttft_ms UInt32, total_ms UInt32,
  status_code UInt16, cache_status LowCardinality(String) DEFAULT 'off', cost_usd Float64 DEFAULT 0, ts_ms Int64,
  session_id String DEFAULT '', request_type LowCardinality(String) DEFAULT '',
  ts DateTime64(3) MATERIALIZED fromUnixTimestamp64Milli(ts_ms))
  ENGINE = MergeTree() PARTITION BY toYYYYMMDD(ts) ORDER BY (tenant_id, ts_ms)`

describe.each(['embedded', 'server'] as const)('a target: %s', (kind) => {
  let target: TestTarget
  let ledger: Ledger
  let number = 0

  beforeAll(async () => {
    target = await makeTarget(kind)
  })
  afterAll(() => target.remove())
  beforeEach(async () => {
    ledger = await target.open(`t_${++number}`)
  })
  afterEach(() => ledger.close())

  it('may be empty, which a server must be told to accept', async () => {
    const state = await inspectTarget(ledger)
    expect(state).toMatchObject({
      kind,
      timezone: 'UTC',
      databaseExists: false,
      usage: null,
      rollup: null,
      view: null,
      meta: null,
      otherViews: [],
      warnings: [],
    })
    expect(state.version).toMatch(/^\d+\.\d+/)
    expect(state.freeBytes).toBeGreaterThan(1e6)
    if (kind === 'embedded') assertReplayable(state, careful)
    else
      expect(() => assertReplayable(state, careful)).toThrow(
        expect.objectContaining({ code: 'refused', hint: expect.stringMatching(/--create-schema/) }),
      )
    assertReplayable(state, { ...careful, createSchema: true })
  })

  it('gets the schema that obleth makes, and a marker that keeps it from seeding the rollup', async () => {
    await createSchema(ledger)
    const columns = await ledger.rows<{ c: string }>(
      `SELECT concat(table, '.', name, ' ', type, ' ', default_kind, ' ', default_expression) AS c FROM system.columns
       WHERE database = '${ledger.database}' AND table IN ('usage', 'usage_daily', 'usage_meta') ORDER BY table, position`,
    )
    expect(columns.map(({ c }) => c.trim())).toEqual(
      SCHEMA.trim()
        .split('\n')
        .map((line) => line.trim()),
    )
    const tables = await ledger.rows(
      `SELECT name, engine_full FROM system.tables WHERE database = '${ledger.database}' AND name != 'usage_daily_mv' ORDER BY name`,
    )
    const window = 'SETTINGS non_replicated_deduplication_window = 10000, index_granularity = 8192'
    expect(tables).toEqual([
      { name: 'usage', engine_full: `MergeTree PARTITION BY toYYYYMMDD(ts) ORDER BY (tenant_id, ts_ms) ${window}` },
      {
        name: 'usage_daily',
        engine_full: `SummingMergeTree PARTITION BY toYYYYMM(day) ORDER BY (day, tenant_id, key_id, model) ${window}`,
      },
      {
        name: 'usage_meta',
        engine_full: 'ReplacingMergeTree(updated_at) ORDER BY (key, value) SETTINGS index_granularity = 8192',
      },
    ])
    expect(
      await ledger.rows(
        `SELECT name, type, expr, granularity FROM system.data_skipping_indices WHERE database = '${ledger.database}'`,
      ),
    ).toEqual([{ name: 'idx_ts_ms', type: 'minmax', expr: 'ts_ms', granularity: '4' }])
    await createSchema(ledger)
    expect(await ledger.rows(`SELECT key, value FROM ${ledger.table('usage_meta')}`)).toEqual([
      { key: 'backfilled_v1', value: '1' },
    ])
    const state = await inspectTarget(ledger)
    expect(state).toMatchObject({
      usage: { rows: 0, deduplicationWindow: 10000, ttl: null, family: 'merge_tree' },
      meta: { backfilled: true },
    })
    expect(state.warnings).toEqual([])
    assertReplayable(state, careful)
  })

  it('rolls up what a gateway inserts, benchmark requests left out', async () => {
    await createSchema(ledger)
    const row = (n: number, status: number, cache: string, type: string) =>
      `(generateUUIDv4(), toUUID('00000000-0000-0000-0000-00000000000a'), toUUID('00000000-0000-0000-0000-00000000000b'), 'm', 'fast', 1,
        ${n}, ${n * 10}, ${n * 100}, 5, ${n * 1000}, ${n * 2000}, ${status}, '${cache}', 0.25, 0.5, 0.125, 0.0625, 1749995999999, '', '', '${type}', '')`
    await ledger.command(
      `INSERT INTO ${ledger.table('usage')} SETTINGS async_insert = 0 VALUES ${row(1, 200, 'hit', 'chat')}, ${row(2, 399, 'miss', 'chat')}, ${row(4, 400, 'off', 'health_probe')}, ${row(8, 200, 'hit', 'benchmark')}`,
    )
    expect(await ledger.rows(`SELECT * FROM ${ledger.table('usage_daily')}`)).toEqual([
      {
        day: '2025-06-15',
        tenant_id: '00000000-0000-0000-0000-00000000000a',
        key_id: '00000000-0000-0000-0000-00000000000b',
        model: 'm',
        requests: '3',
        success_requests: '2',
        error_requests: '1',
        input_tokens: '7',
        output_tokens: '70',
        estimated_tokens: '700',
        cache_hits: '1',
        cache_misses: '1',
        ttft_ms_sum: '3000',
        total_ms_sum: '6000',
        cost_usd_sum: 0.75,
        energy_wh_sum: 1.5,
        energy_cost_usd_sum: 0.375,
        co2_g_sum: 0.1875,
      },
    ])
    await expect(createSchema(ledger)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringMatching(/4 rows/),
    })
  })

  it('may be an older one', async () => {
    await ledger.command(`CREATE DATABASE ${ledger.database}`)
    await ledger.command(`CREATE TABLE ${ledger.table('usage')} ${OLD_USAGE}`)
    await ledger.command(
      `INSERT INTO ${ledger.table('usage')} (request_id, ts_ms) SETTINGS async_insert = 0 SELECT generateUUIDv4(), 1749995999999`,
    )
    await ledger.command(
      `CREATE TABLE ${ledger.table('usage_daily')} (day Date, tenant_id UUID, key_id UUID, model String, requests UInt64)
       ENGINE = SummingMergeTree ORDER BY (day, tenant_id, key_id, model)`,
    )
    await ledger.command(
      `CREATE MATERIALIZED VIEW ${ledger.table('usage_daily_mv')} TO ${ledger.table('usage_daily')} AS
       SELECT toDate(ts) AS day, tenant_id, key_id, model, count() AS requests FROM ${ledger.table('usage')} GROUP BY day, tenant_id, key_id, model`,
    )
    await ledger.command(
      `CREATE TABLE ${ledger.table('usage_meta')} (key String, value String) ENGINE = MergeTree ORDER BY key`,
    )
    const state = await inspectTarget(ledger)
    expect(state.usage?.columns.missing).toEqual([
      'energy_wh',
      'energy_cost_usd',
      'co2_g',
      'session_id_source',
      'device_id',
    ])
    expect(state.usage?.columns.present).toHaveLength(18)
    expect(state).toMatchObject({
      usage: { rows: 1, deduplicationWindow: 0, columns: { extra: ['ts'], problems: [] } },
      rollup: { measures: ['requests'], deduplicationWindow: 0 },
      view: { leavesOutBenchmark: false },
      meta: { backfilled: false },
    })
    expect(classes(state).sort()).toEqual([
      'dedup_window_zero',
      'missing_columns',
      'not_backfilled',
      'view_counts_benchmark',
    ])
    assertReplayable(state, careful)
  })

  it.each([
    ['a required column is missing', 'DROP COLUMN model', /column model is missing/],
    ['a column has another type', 'MODIFY COLUMN status_code UInt32', /status_code is UInt32, not UInt16/],
    ['a column may be null', 'MODIFY COLUMN device_id Nullable(String)', /device_id is Nullable\(String\)/],
    ['a foreign column has no default', 'ADD COLUMN region String', /region has no default/],
    ['a column is computed', 'MODIFY COLUMN cost_usd Float64 MATERIALIZED weight * 2', /cost_usd is MATERIALIZED/],
  ])('is refused where %s', async (_, change, message) => {
    await createSchema(ledger)
    await ledger.command(`DROP TABLE ${ledger.table('usage_daily_mv')}`)
    await ledger.command(`ALTER TABLE ${ledger.table('usage')} ${change}`)
    const state = await inspectTarget(ledger)
    expect(() => assertReplayable(state, careful)).toThrow(
      expect.objectContaining({ code: 'refused', message: expect.stringMatching(message) }),
    )
  })

  it('takes harmless changes of columns', async () => {
    await createSchema(ledger)
    await ledger.command(
      `ALTER TABLE ${ledger.table('usage')} ADD COLUMN region String DEFAULT 'eu', MODIFY COLUMN model LowCardinality(String), MODIFY COLUMN request_type String DEFAULT ''`,
    )
    const state = await inspectTarget(ledger)
    expect(state.usage?.columns).toMatchObject({ problems: [], missing: [], extra: ['ts', 'region'] })
    assertReplayable(state, careful)
  })

  it('is refused where partitions cannot be moved into `usage`', async () => {
    await ledger.command(`CREATE DATABASE ${ledger.database}`)
    await ledger.command(`CREATE TABLE ${ledger.table('usage')} ${OLD_USAGE.replace(/ENGINE.*/s, 'ENGINE = Log')}`)
    const state = await inspectTarget(ledger)
    expect(state.usage?.family).toBe('other')
    for (const publish of ['move', 'insert'] as const)
      expect(() => assertReplayable(state, { ...careful, publish })).toThrow(
        expect.objectContaining({ code: 'refused', hint: expect.stringMatching(/--embedded/) }),
      )
  })

  it('of another engine is published to by inserts alone, and by those only where no request is lost', async () => {
    await createSchema(ledger)
    const state = await inspectTarget(ledger)
    const as = (engine: string, stored: object | null = { engine }): TargetState => ({
      ...state,
      usage: state.usage && {
        ...state.usage,
        engine,
        family: familyOf(engine),
        stored: stored && { partitionKey: PARTITION_KEY, sortingKey: 'tenant_id, ts_ms', engine, ...stored },
      },
    })
    const refused = (message: RegExp, hint: RegExp) =>
      expect.objectContaining({
        code: 'refused',
        message: expect.stringMatching(message),
        hint: expect.stringMatching(hint),
      })
    const inserting = { ...careful, publish: 'insert' } as const
    assertReplayable(state, inserting)
    for (const engine of ['ReplicatedMergeTree', 'SharedMergeTree', 'Distributed']) {
      const there = as(engine, engine === 'Distributed' ? { engine: 'ReplicatedMergeTree' } : {})
      expect(() => assertReplayable(there, careful)).toThrow(refused(new RegExp(engine), /--publish insert/))
      assertReplayable(there, inserting)
    }
    expect(() => assertReplayable(as('Distributed', null), inserting)).toThrow(
      refused(/the table behind it/, /a server of the cluster/),
    )
    for (const engine of ['ReplacingMergeTree', 'SharedReplacingMergeTree']) {
      expect(() => assertReplayable(as(engine), inserting)).toThrow(refused(/requests would be lost/, /request_id/))
      assertReplayable(as(engine, { sortingKey: 'tenant_id, ts_ms, request_id' }), inserting)
    }
    // Without a Keeper no table here has replicas: the engine says so of one that is taken for such.
    await syncReplicas(ledger, state)
    await expect(syncReplicas(ledger, as('ReplicatedMergeTree'))).rejects.toThrow(/is not replicated/)
    for (const engine of ['SummingMergeTree', 'Log', 'View', 'Distributed'])
      expect(() => assertReplayable(as('Distributed', { engine }), inserting)).toThrow(
        refused(/nothing can be published/, /--embedded/),
      )
    const behind = as('Distributed', { engine: 'ReplicatedReplacingMergeTree' })
    expect(() => assertReplayable(behind, inserting)).toThrow(refused(/requests would be lost/, /request_id/))
  })

  describe('TTL', () => {
    const ttl = async (clause: string) => {
      await createSchema(ledger)
      await ledger.command(`ALTER TABLE ${ledger.table('usage')} MODIFY TTL ${clause}`)
      return await inspectTarget(ledger)
    }
    it.each([
      ['toDateTime(ts_ms / 1000) + INTERVAL 90 DAY', 90],
      ['toDateTime(ts) + toIntervalHour(36)', 1.5],
      [
        "toDateTime(ts_ms / 1000) + INTERVAL 400 DAY, toDateTime(ts_ms / 1000) + INTERVAL 7 DAY DELETE WHERE request_type = 'benchmark, TTL x'",
        7,
      ],
    ])('%s', async (clause, days) => {
      const state = await ttl(clause)
      const age = (Date.now() - (state.usage?.ttl?.cutoffMs ?? 0)) / DAY_MS
      expect(age).toBeGreaterThan(days - 0.001)
      expect(age).toBeLessThan(days + 0.001)
      assertReplayable(state, careful)
    })

    it('counts months as the server does', async () => {
      const state = await ttl('toDateTime(ts_ms / 1000) + INTERVAL 3 MONTH')
      const now = new Date()
      const expected = Date.UTC(
        now.getUTCFullYear(),
        now.getUTCMonth() - 3,
        now.getUTCDate(),
        now.getUTCHours(),
        now.getUTCMinutes(),
        now.getUTCSeconds(),
      )
      // Days that the earlier month does not have end in its last one: up to three days apart.
      expect(Math.abs((state.usage?.ttl?.cutoffMs ?? 0) - expected)).toBeLessThan(3.1 * DAY_MS)
    })

    it('keeps its hands off a rule over other columns', async () => {
      const state = await ttl('toDateTime(total_ms) + INTERVAL 90 DAY')
      expect(state.usage?.ttl).toEqual({ expression: 'toDateTime(total_ms) + toIntervalDay(90)', cutoffMs: null })
      expect(classes(state)).toEqual(['ttl_unknown'])
      expect(() => assertReplayable(state, careful)).toThrow(
        expect.objectContaining({ code: 'refused', hint: expect.stringMatching(/--expired include/) }),
      )
      assertReplayable(state, { ...careful, expired: 'include' })
    })
  })

  it('says which other views read from `usage`, and what else is unusual', async () => {
    await createSchema(ledger)
    await ledger.command(
      `CREATE MATERIALIZED VIEW ${ledger.table('hourly')} ENGINE = SummingMergeTree ORDER BY hour AS
       SELECT toStartOfHour(toDateTime(ts)) AS hour, count() AS n FROM ${ledger.table('usage')} GROUP BY hour`,
    )
    await ledger.command(
      `ALTER TABLE ${ledger.table('usage')} ADD PROJECTION by_model (SELECT model, count() GROUP BY model)`,
    )
    await ledger.command(
      `ALTER TABLE ${ledger.table('usage_daily')} MODIFY SETTING non_replicated_deduplication_window = 0`,
    )
    const state = await inspectTarget(ledger)
    expect(state.otherViews).toEqual([`${ledger.database}.hourly`])
    expect(state.usage?.projections).toEqual(['by_model'])
    expect(classes(state)).toEqual(['projections', 'rollup_window_zero', 'other_views'])
    expect(state.warnings.at(-1)).toMatchObject({
      count: 1,
      message: expect.stringContaining(`${ledger.database}.hourly`),
    })
  })

  describe('its lock', () => {
    beforeEach(() => createSchema(ledger))

    it('is held by one run, and free again afterwards', async () => {
      const lock = await TargetLock.acquire(ledger, 'run_a', { breakLock: false }, IMPATIENT)
      expect(lock.notice).toBeNull()
      expect(await lockOwner(ledger)).toMatchObject({ runId: 'run_a', pid: process.pid })
      await lock.assertHeld()
      await lock.release()
      expect(await lockOwner(ledger)).toBeNull()
      await lock.release()
      await (await TargetLock.acquire(ledger, 'run_b', { breakLock: false }, IMPATIENT)).release()
    })

    it('is taken over by the same run', async () => {
      const dead = await TargetLock.acquire(ledger, 'run_a', { breakLock: false }, IMPATIENT)
      const again = await TargetLock.acquire(ledger, 'run_a', { breakLock: false }, IMPATIENT)
      expect(again.notice).toBeNull()
      await expect(dead.assertHeld()).rejects.toMatchObject({ code: 'target_locked' })
      await dead.release()
      await again.assertHeld()
      await again.release()
      expect(await lockOwner(ledger)).toBeNull()
    })

    it.runIf(kind === 'server')('keeps another run out, until it is broken', async () => {
      const lock = await TargetLock.acquire(ledger, 'run_a', { breakLock: false }, IMPATIENT)
      const since = (await lockOwner(ledger))?.since ?? ''
      const error = await TargetLock.acquire(ledger, 'run_b', { breakLock: false }, IMPATIENT).catch((e) => e)
      expect(error).toMatchObject({ code: 'target_locked', hint: expect.stringMatching(/--break-lock/) })
      for (const part of ['run_a', String(process.pid), since]) expect(error.message).toContain(part)
      await lock.assertHeld()
      const broken = await TargetLock.acquire(ledger, 'run_b', { breakLock: true }, IMPATIENT)
      expect(broken.notice).toMatch(/run_a/)
      await expect(lock.assertHeld()).rejects.toMatchObject({
        code: 'target_locked',
        message: expect.stringMatching(/run_b/),
      })
      await lock.release()
      await broken.assertHeld()
      await broken.release()
    })

    it.runIf(kind === 'server')('is given to one of many that ask at once', async () => {
      const attempts = Array.from({ length: 8 }, (_, n) =>
        TargetLock.acquire(ledger, `run_${n}`, { breakLock: false }, IMPATIENT),
      )
      const outcomes = await Promise.allSettled(attempts)
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const outcome of outcomes) if (outcome.status === 'fulfilled') await outcome.value.release()
    })

    it.runIf(kind === 'embedded')('is dead where its directory could be opened', async () => {
      await TargetLock.acquire(ledger, 'run_a', { breakLock: false }, IMPATIENT)
      const lock = await TargetLock.acquire(ledger, 'run_b', { breakLock: false }, IMPATIENT)
      expect(lock.notice).toMatch(/took over.*run_a/)
      await lock.release()
    })

    it('is not trusted where its owner cannot be read', async () => {
      await ledger.command(
        `CREATE TABLE ${ledger.table('usage_replay_lock')} (held UInt8) ENGINE = MergeTree ORDER BY tuple() COMMENT 'mine\n\x1b[2J'`,
      )
      expect(await lockOwner(ledger)).toBeNull()
      const attempt = TargetLock.acquire(ledger, 'run_a', { breakLock: false }, IMPATIENT)
      if (kind === 'server') await expect(attempt).rejects.toMatchObject({ code: 'target_locked' })
      else await (await attempt).release()
    })
  })
})

const SCHEMA = `
  usage.request_id UUID
  usage.tenant_id UUID
  usage.key_id UUID
  usage.model String
  usage.admission LowCardinality(String)
  usage.weight Int64
  usage.input_tokens UInt32
  usage.output_tokens UInt32
  usage.estimated_tokens UInt32
  usage.queue_wait_ms UInt32
  usage.ttft_ms UInt32
  usage.total_ms UInt32
  usage.status_code UInt16
  usage.cache_status LowCardinality(String) DEFAULT 'off'
  usage.cost_usd Float64 DEFAULT 0
  usage.energy_wh Float64 DEFAULT 0
  usage.energy_cost_usd Float64 DEFAULT 0
  usage.co2_g Float64 DEFAULT 0
  usage.ts_ms Int64
  usage.session_id String DEFAULT ''
  usage.session_id_source LowCardinality(String) DEFAULT ''
  usage.request_type LowCardinality(String) DEFAULT ''
  usage.device_id String DEFAULT ''
  usage.ts DateTime64(3) MATERIALIZED fromUnixTimestamp64Milli(ts_ms)
  usage_daily.day Date
  usage_daily.tenant_id UUID
  usage_daily.key_id UUID
  usage_daily.model String
  usage_daily.requests UInt64
  usage_daily.success_requests UInt64
  usage_daily.error_requests UInt64
  usage_daily.input_tokens UInt64
  usage_daily.output_tokens UInt64
  usage_daily.estimated_tokens UInt64
  usage_daily.cache_hits UInt64
  usage_daily.cache_misses UInt64
  usage_daily.ttft_ms_sum UInt64
  usage_daily.total_ms_sum UInt64
  usage_daily.cost_usd_sum Float64
  usage_daily.energy_wh_sum Float64
  usage_daily.energy_cost_usd_sum Float64
  usage_daily.co2_g_sum Float64
  usage_meta.key String
  usage_meta.value String
  usage_meta.updated_at DateTime64(3) DEFAULT now64(3)`
