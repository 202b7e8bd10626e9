import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { LedgerError } from '../../src/domain/errors.js'
import type { Ledger, NativeInsert } from '../../src/ledger/ledger.js'
import { createRunTables } from '../../src/ledger/run-tables.js'
import { createSchema } from '../../src/ledger/schema.js'
import { type NativeFile, Staging } from '../../src/ledger/staging.js'
import { IMPATIENT } from '../support/patience.js'
import { startServer, type TestServer } from '../support/server/index.js'
import { makeTarget, PASSWORD, type TestTarget, USER } from '../support/server/targets.js'

const DAY_MS = 86_400_000
/** 2025-06-15T00:00:00Z */
const MIDNIGHT = 1_749_945_600_000
const COLUMNS = [
  { name: 'request_id', type: 'UUID' },
  { name: 'tenant_id', type: 'UUID' },
  { name: 'model', type: 'String' },
  { name: 'cost_usd', type: 'Float64' },
  { name: 'ts_ms', type: 'Int64' },
]
const IDS = [{ name: 'request_id', type: 'UUID' }]
const EVIDENCE = [...IDS, { name: 'acknowledged', type: 'UInt8' }, { name: 'batch', type: 'UInt32' }]

/** Between the caller and a real ledger: what becomes of each insert into a table, one behaviour after the other. */
function disturbed(ledger: Ledger, behaviours: ((insert: NativeInsert) => Promise<void>)[]): Ledger {
  return new Proxy(ledger, {
    get(real, key) {
      if (key === 'insertNative')
        return (insert: NativeInsert) => (behaviours.shift() ?? ((i) => real.insertNative(i)))(insert)
      const value = Reflect.get(real, key)
      return typeof value === 'function' ? value.bind(real) : value
    },
  })
}

const lost = () => new LedgerError('target_unreachable', 'socket hang up', { retryable: true })

describe.each(['embedded', 'server'] as const)('staging on a ledger: %s', (kind) => {
  let target: TestTarget
  let ledger: Ledger
  let number = 0

  beforeAll(async () => {
    target = await makeTarget(kind)
  })
  afterAll(() => target.remove())
  beforeEach(async () => {
    ledger = await target.open(`s_${++number}`)
    await createSchema(ledger)
    await ledger.command(`ALTER TABLE ${ledger.table('usage')} MODIFY TTL toDateTime(ts_ms / 1000) + INTERVAL 30 DAY`)
  })
  afterEach(() => ledger.close())

  const write = async (
    name: string,
    columns: NativeFile['columns'],
    select: string,
    rows: number,
  ): Promise<NativeFile> => {
    const file = join(target.scratch, `${name}-${number}-${createHash('md5').update(select).digest('hex')}.native`)
    const structure = columns.map((column) => `${column.name} ${column.type}`).join(', ')
    await ledger.command(
      `INSERT INTO FUNCTION file('${file}', 'Native', '${structure}') SETTINGS engine_file_truncate_on_insert = 1 ${select}`,
    )
    return { file, bytes: statSync(file).size, columns, rows }
  }
  const id = (n: string) => `reinterpret(toUInt128(${n}), 'UUID')`
  /** Records from, from + 1, …, spread over three days. */
  const records = (rows: number, from = 1) =>
    write(
      'data',
      COLUMNS,
      `SELECT ${id(`number + ${from}`)}, ${id('number % 5')}, 'm', number / 7, ${MIDNIGHT} + (number % 3) * ${DAY_MS} + number FROM numbers(${rows})`,
      rows,
    )
  const evidence = (rows: number, from = 1) =>
    write('evidence', EVIDENCE, `SELECT ${id(`number + ${from}`)}, number % 2, number FROM numbers(${rows})`, rows)
  const contents = async (table: string, on = ledger) => {
    const [row] = await on.rows<{ rows: number; ids: number }>(
      `SELECT toUInt32(count()) AS rows, toUInt32(uniqExact(request_id)) AS ids FROM ${on.table(table)}`,
    )
    return row
  }

  it('holds what was inserted, day by day, and moves into `usage`', async () => {
    const staging = new Staging(ledger, 'r1')
    await staging.create()
    await Promise.all([
      staging.insertBlock({ data: await records(600), evidence: await evidence(600) }),
      staging.insertBlock({ data: await records(30, 601), evidence: null }),
    ])
    expect(await contents(staging.tableName)).toEqual({ rows: 630, ids: 630 })
    expect(await contents(staging.evidenceTableName)).toEqual({ rows: 600, ids: 600 })
    expect(await staging.partitions()).toEqual([
      { partitionId: '20250615', rows: 210, minTsMs: MIDNIGHT, maxTsMs: MIDNIGHT + 597, day: '2025-06-15' },
      {
        partitionId: '20250616',
        rows: 210,
        minTsMs: MIDNIGHT + DAY_MS + 1,
        maxTsMs: MIDNIGHT + DAY_MS + 598,
        day: '2025-06-16',
      },
      {
        partitionId: '20250617',
        rows: 210,
        minTsMs: MIDNIGHT + 2 * DAY_MS + 2,
        maxTsMs: MIDNIGHT + 2 * DAY_MS + 599,
        day: '2025-06-17',
      },
    ])
    await ledger.command(`ALTER TABLE ${ledger.table('usage')} REMOVE TTL`)
    for (const { partitionId } of await staging.partitions())
      await ledger.command(
        `ALTER TABLE ${ledger.table(staging.tableName)} MOVE PARTITION ID '${partitionId}' TO TABLE ${ledger.table('usage')}`,
      )
    expect(await contents('usage')).toEqual({ rows: 630, ids: 630 })
    expect(await staging.partitions()).toEqual([])
    await staging.drop()
    await staging.drop()
    const tables = await ledger.rows<{ name: string }>(`SHOW TABLES FROM ${ledger.database}`)
    expect(tables.map(({ name }) => name)).toEqual(['usage', 'usage_daily', 'usage_daily_mv', 'usage_meta'])
  })

  it('is on disk, with all that a run notes, when an insert is acknowledged', async () => {
    const staging = new Staging(ledger, 'r12')
    await staging.create()
    await createRunTables(ledger)
    const tables = await ledger.rows<{ name: string; engine_full: string }>(
      `SELECT name, engine_full FROM system.tables WHERE database = '${ledger.database}' AND name LIKE 'usage_replay_%'`,
    )
    expect(tables.map(({ name }) => name).sort()).toEqual(
      ['ids', 'plan', 'r12', 'r12_evidence', 'r12_known', 'steps'].map((name) => `usage_replay_${name}`),
    )
    for (const { engine_full } of tables)
      for (const setting of ['fsync_after_insert', 'fsync_part_directory', 'min_rows_to_fsync_after_merge'])
        expect(engine_full).toContain(`${setting} = 1`)
  })

  it('loses nothing to the TTL of `usage`', async () => {
    const staging = new Staging(ledger, 'r2')
    await staging.create()
    await staging.insertBlock({ data: await records(9), evidence: null })
    await ledger.command(`OPTIMIZE TABLE ${ledger.table(staging.tableName)} FINAL`)
    expect(await contents(staging.tableName)).toEqual({ rows: 9, ids: 9 })
  })

  it('gets the columns that `usage` got meanwhile, wherever they stand', async () => {
    const staging = new Staging(ledger, 'r11')
    await staging.create()
    await staging.insertBlock({ data: await records(3), evidence: null })
    const usage = ledger.table('usage')
    await ledger.command(`ALTER TABLE ${usage} REMOVE TTL`)
    await ledger.command(
      `ALTER TABLE ${usage} ADD COLUMN region LowCardinality(String) DEFAULT 'it''s' AFTER tenant_id`,
    )
    await ledger.command(`ALTER TABLE ${usage} ADD COLUMN day Date MATERIALIZED toDate(ts), ADD COLUMN plain UInt8`)
    expect(await staging.followUsage()).toEqual(['region', 'day', 'plain'])
    expect(await staging.followUsage()).toEqual([])
    for (const { partitionId } of await staging.partitions())
      await ledger.command(
        `ALTER TABLE ${ledger.table(staging.tableName)} MOVE PARTITION ID '${partitionId}' TO TABLE ${usage}`,
      )
    expect(await ledger.rows(`SELECT region, toString(day) AS day FROM ${usage} ORDER BY ts_ms`)).toEqual(
      ['2025-06-15', '2025-06-16', '2025-06-17'].map((day) => ({ region: "it's", day })),
    )
  })

  it('starts anew where an earlier generation left something', async () => {
    const data = await records(12)
    for (let generation = 0; generation < 2; generation++) {
      const staging = new Staging(ledger, 'r3')
      await staging.create()
      await staging.insertBlock({ data, evidence: null })
      expect(await contents(staging.tableName)).toEqual({ rows: 12, ids: 12 })
    }
  })

  it('takes two equal blocks for two blocks', async () => {
    const staging = new Staging(ledger, 'r4')
    await staging.create()
    const data = await records(3)
    await staging.insertBlock({ data, evidence: null })
    await staging.insertBlock({ data, evidence: null })
    expect(await contents(staging.tableName)).toEqual({ rows: 6, ids: 3 })
  })

  describe('an insert whose outcome is unclear', () => {
    it.each([
      [
        'arrived, its answer was lost',
        () => async (i: NativeInsert) => ledger.insertNative(i).then(() => Promise.reject(lost())),
      ],
      ['did not arrive', () => () => Promise.reject(lost())],
      [
        'arrived in part',
        () => async (i: NativeInsert) => {
          const part = await records(100)
          await ledger.insertNative({ ...i, ...part })
          throw lost()
        },
      ],
      [
        'was answered with success and left nothing, as a token known from before does',
        () => async (i: NativeInsert) => {
          await ledger.insertNative({ ...i, ...(await records(3, 5000)) })
          await ledger.command(`ALTER TABLE ${ledger.table(i.table)} DELETE WHERE 1 SETTINGS mutations_sync = 2`)
          await ledger.insertNative(i)
        },
      ],
      [
        'had no memory left',
        () => () => Promise.reject(new LedgerError('target_failed', 'memory (241)', { retryable: true })),
      ],
    ])('%s', async (_, behaviour) => {
      const staging = new Staging(disturbed(ledger, [behaviour(), behaviour()]), `u${number}`, IMPATIENT)
      await staging.create()
      await staging.insertBlock({ data: await records(300), evidence: null })
      expect(await contents(staging.tableName)).toEqual({ rows: 300, ids: 300 })
    })
  })

  it('keeps other blocks where one arrived in part', async () => {
    const part = await records(50, 301)
    const broken = async (i: NativeInsert) => {
      await ledger.insertNative({ ...i, ...part })
      throw lost()
    }
    const staging = new Staging(disturbed(ledger, [(i) => ledger.insertNative(i), broken]), 'r6', IMPATIENT)
    await staging.create()
    await staging.insertBlock({ data: await records(300), evidence: null })
    await staging.insertBlock({ data: await records(90, 301), evidence: null })
    expect(await contents(staging.tableName)).toEqual({ rows: 390, ids: 390 })
  })

  it('does not try again what cannot work', async () => {
    let attempts = 0
    const full = () => {
      attempts++
      return Promise.reject(new LedgerError('disk_full', 'no space'))
    }
    const staging = new Staging(disturbed(ledger, [full, full]), 'r7')
    await staging.create()
    await expect(staging.insertBlock({ data: await records(3), evidence: null })).rejects.toMatchObject({
      code: 'disk_full',
    })
    expect(attempts).toBe(1)
  })

  it('gives up on a block that has fewer rows than it says', async () => {
    const staging = new Staging(ledger, 'r8')
    await staging.create()
    const data = { ...(await records(3)), rows: 4 }
    await expect(staging.insertBlock({ data, evidence: null })).rejects.toMatchObject({
      code: 'verification_failed',
      message: expect.stringMatching(/3 of a block's 4 rows/),
    })
    expect(await contents(staging.tableName)).toEqual({ rows: 0, ids: 0 })
  })

  it('stops waiting when it is told to', async () => {
    const abort = new AbortController()
    const down = () => {
      abort.abort()
      return Promise.reject(lost())
    }
    const staging = new Staging(disturbed(ledger, [down]), 'r9', { ...IMPATIENT, signal: abort.signal })
    await staging.create()
    await expect(staging.insertBlock({ data: await records(3), evidence: null })).rejects.toMatchObject({
      code: 'interrupted',
    })
  })

  it('is a MergeTree without TTL beside a `usage` of another engine, which there must be', async () => {
    const usage = ledger.table('usage')
    await ledger.command(`RENAME TABLE ${usage} TO ${ledger.table('plain')}`)
    await expect(new Staging(ledger, 'r10').create()).rejects.toMatchObject({ code: 'refused' })
    await ledger.command(
      `CREATE TABLE ${usage} AS ${ledger.table('plain')} ENGINE = ReplacingMergeTree PARTITION BY toYYYYMMDD(ts)
       ORDER BY (tenant_id, ts_ms, request_id) TTL toDateTime(ts_ms / 1000) + INTERVAL 30 DAY`,
    )
    const staging = new Staging(ledger, 'r10')
    await staging.create()
    const tables = await ledger.rows<{ engine: string; sorting_key: string }>(
      `SELECT engine, partition_key, sorting_key, match(engine_full, ' TTL ') AS expires FROM system.tables
       WHERE database = '${ledger.database}' AND name = '${staging.tableName}'`,
    )
    expect(tables).toEqual([
      { engine: 'MergeTree', partition_key: 'toYYYYMMDD(ts)', sorting_key: 'tenant_id, ts_ms', expires: 0 },
    ])
    // A year before the TTL's end: it would be gone.
    await staging.insertBlock({ data: await records(100), evidence: null })
    expect(await contents(staging.tableName)).toEqual({ rows: 100, ids: 100 })
  })

  it.runIf(kind === 'server').each([5, 40, 120])(
    'survives a server that is killed %i ms into an insert',
    async (delay) => {
      const staging = new Staging(ledger, `k${delay}`)
      await staging.create()
      await staging.insertBlock({ data: await records(1000), evidence: null })
      const data = await records(400_000, 1001)
      const inserting = staging.insertBlock({ data, evidence: null })
      await new Promise((resolve) => setTimeout(resolve, delay))
      const { port } = target.server as TestServer
      await target.server?.kill('SIGKILL')
      target.server = await startServer({ dir: join(target.scratch, 'data'), user: USER, password: PASSWORD, port })
      await inserting
      expect(await contents(staging.tableName)).toEqual({ rows: 401_000, ids: 401_000 })
    },
  )
})
