import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Ledger } from '../../src/ledger/ledger.js'
import { createSchema } from '../../src/ledger/schema.js'
import { Staging } from '../../src/ledger/staging.js'
import { type ExpectedSums, verifyStaging } from '../../src/ledger/verify.js'
import { makeTarget, type TestTarget } from '../support/server/targets.js'

const ROWS = 4000
/** 2025-06-15T00:00:00Z */
const MIDNIGHT = 1_749_945_600_000
const DAY_MS = 86_400_000
const COLUMNS = [
  'request_id UUID',
  'tenant_id UUID',
  'weight Int64',
  'input_tokens UInt32',
  'cost_usd Float64',
  'energy_wh Float64',
  'ts_ms Int64',
]

const bits = (value: number) => new BigUint64Array(Float64Array.of(value).buffer)[0]

/** The records that the test writes, worked out here and in SQL apart: n = 0 … ROWS - 1, over five days. */
const RECORD = {
  weight: (n: number) => -n,
  tokens: (n: number) => 4_294_967_295 - n,
  cost: (n: number) => n / 7,
  energy: (n: number) => n / 3,
}
const SELECT = `SELECT reinterpret(toUInt128(number + 1), 'UUID'), reinterpret(toUInt128(number % 3), 'UUID'), -toInt64(number),
  4294967295 - number, number / 7, number / 3, ${MIDNIGHT} + (number % 5) * ${DAY_MS} + number FROM numbers(${ROWS})`

/** Buckets are the five days. */
const expected: ExpectedSums = {
  bucketSql: `toUInt32(intDiv(ts_ms - ${MIDNIGHT}, ${DAY_MS}))`,
  measures: [
    { name: 'weight', sql: 'sum(reinterpretAsUInt64(weight))' },
    { name: 'input_tokens', sql: 'sum(input_tokens)' },
    { name: 'cost_usd', sql: 'sum(reinterpretAsUInt64(cost_usd))' },
    { name: 'energy_wh', sql: 'sum(reinterpretAsUInt64(energy_wh))' },
  ],
  *buckets() {
    for (let bucket = 0; bucket < 5; bucket++) {
      const sums = [0n, 0n, 0n, 0n]
      for (let n = bucket; n < ROWS; n += 5) {
        sums[0] += BigInt(RECORD.weight(n))
        sums[1] += BigInt(RECORD.tokens(n))
        sums[2] += bits(RECORD.cost(n))
        sums[3] += bits(RECORD.energy(n))
      }
      yield { bucket, rows: ROWS / 5, sums }
    }
  },
}

describe.each(['embedded', 'server'] as const)('verifying staging on a ledger: %s', (kind) => {
  let target: TestTarget
  let ledger: Ledger
  let staging: Staging
  let table: string
  let number = 0

  beforeAll(async () => {
    target = await makeTarget(kind)
  })
  afterAll(() => target.remove())
  beforeEach(async () => {
    ledger = await target.open(`v_${++number}`)
    await createSchema(ledger)
    staging = new Staging(ledger, `v${number}`)
    table = ledger.table(staging.tableName)
  })
  afterEach(() => ledger.close())

  const fill = async () => {
    await staging.create()
    const file = join(target.scratch, `v-${number}.native`)
    await ledger.command(`INSERT INTO FUNCTION file('${file}', 'Native', '${COLUMNS.join(', ')}') ${SELECT}`)
    const columns = COLUMNS.map((column) => column.split(' ')).map(([name, type]) => ({ name, type }))
    await staging.insertBlock({ data: { file, bytes: statSync(file).size, rows: ROWS, columns }, evidence: null })
  }
  const ID_6 = "request_id = reinterpret(toUInt128(6), 'UUID')"
  const mutate = (change: string) => ledger.command(`ALTER TABLE ${table} ${change} SETTINGS mutations_sync = 2`)
  const copy = (columns: string) =>
    ledger.command(
      `INSERT INTO ${table} SETTINGS async_insert = 0, insert_deduplicate = 0 SELECT * REPLACE (${columns}) FROM ${table} WHERE ${ID_6}`,
    )

  it('passes what was decoded', async () => {
    await fill()
    await verifyStaging(ledger, staging, expected)
  })

  it.each([
    ['a missing row', () => mutate(`DELETE WHERE ${ID_6}`), /799 rows instead of 800 among 2025-06-15 00000000-/],
    ['a doubled row', () => copy('request_id AS request_id'), /801 rows instead of 800 among 2025-06-15/],
    [
      'a cost that is one bit off',
      () => mutate(`UPDATE cost_usd = reinterpretAsFloat64(reinterpretAsUInt64(cost_usd) + 1) WHERE ${ID_6}`),
      /other values of cost_usd among 2025-06-15/,
    ],
    [
      'a token too many',
      () => mutate(`UPDATE input_tokens = input_tokens - 1 WHERE ${ID_6}`),
      /other values of input_tokens/,
    ],
    [
      'a row on a day of which nothing was decoded',
      () => copy(`ts_ms + ${9 * DAY_MS} AS ts_ms`),
      /1 rows too many among 2025-06-24/,
    ],
    [
      'a day that is gone',
      () => ledger.command(`ALTER TABLE ${table} DROP PARTITION ID '20250618'`),
      /800 rows are missing among bucket 3/,
    ],
    ['nothing at all', () => ledger.command(`TRUNCATE TABLE ${table}`), /800 rows are missing/],
  ])('catches %s', async (_, damage, message) => {
    await fill()
    await damage()
    await expect(verifyStaging(ledger, staging, expected)).rejects.toMatchObject({
      code: 'verification_failed',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(/nothing was published/),
    })
  })

  it('catches an id that stands for two records where all sums are right', async () => {
    await fill()
    await mutate(`UPDATE request_id = reinterpret(toUInt128(11), 'UUID') WHERE ${ID_6}`)
    await expect(verifyStaging(ledger, staging, expected)).rejects.toMatchObject({
      code: 'verification_failed',
      message: expect.stringMatching(/holds 1 rows twice: [0-9a-f-]{36}$/),
    })
  })

  it('catches a doubled id among more ids than it looks at in one go', async () => {
    await staging.create()
    const rows = 1_200_000
    const all: ExpectedSums = { bucketSql: 'toUInt8(0)', measures: [], buckets: () => [{ bucket: 0, rows, sums: [] }] }
    await ledger.command(
      `INSERT INTO ${table} (request_id, ts_ms) SETTINGS async_insert = 0 SELECT reinterpret(toUInt128(number), 'UUID'), ${MIDNIGHT} FROM numbers(${rows})`,
    )
    await verifyStaging(ledger, staging, all)
    await mutate(
      `UPDATE request_id = reinterpret(toUInt128(77), 'UUID') WHERE request_id = reinterpret(toUInt128(999999), 'UUID')`,
    )
    await expect(verifyStaging(ledger, staging, all)).rejects.toMatchObject({
      message: expect.stringMatching(/holds 1 rows twice: [0-9a-f-]{36}$/),
    })
  })

  it('leaves out what an older table has no column for, and that alone', async () => {
    await ledger.command(`DROP TABLE ${ledger.table('usage_daily_mv')}`)
    await ledger.command(`ALTER TABLE ${ledger.table('usage')} DROP COLUMN energy_wh`)
    await staging.create()
    await ledger.command(
      `INSERT INTO ${table} (request_id, tenant_id, weight, input_tokens, cost_usd, ts_ms) SETTINGS async_insert = 0
       SELECT c1, c2, c3, c4, c5, c7 FROM (SELECT c1, c2, c3, c4, c5, c7 FROM
         (SELECT tupleElement(r, 1) AS c1, tupleElement(r, 2) AS c2, tupleElement(r, 3) AS c3, tupleElement(r, 4) AS c4,
            tupleElement(r, 5) AS c5, tupleElement(r, 7) AS c7 FROM (SELECT tuple(${SELECT.slice(7, SELECT.lastIndexOf('FROM'))}) AS r FROM numbers(${ROWS}))))`,
    )
    await verifyStaging(ledger, staging, expected, ['energy_wh'])
    await mutate(`UPDATE cost_usd = cost_usd + 1 WHERE ${ID_6}`)
    await expect(verifyStaging(ledger, staging, expected, ['energy_wh'])).rejects.toMatchObject({
      code: 'verification_failed',
    })
  })
})
