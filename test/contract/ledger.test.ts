import { mkdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { LedgerError } from '../../src/domain/errors.js'
import { serverCode } from '../../src/ledger/adapt-error.js'
import type { Ledger } from '../../src/ledger/ledger.js'
import { makeTarget, type TestTarget } from '../support/server/targets.js'

describe.each(['embedded', 'server'] as const)('a ledger: %s', (kind) => {
  let target: TestTarget
  let ledger: Ledger
  let number = 0

  beforeAll(async () => {
    target = await makeTarget(kind)
  })
  afterAll(() => target.remove())
  beforeEach(async () => {
    const first = await target.open(`db_${++number}`)
    await first.command(`CREATE DATABASE db_${number}`)
    await first.close()
    ledger = await target.open(`db_${number}`)
  })
  afterEach(() => ledger.close())

  it('names itself', () => {
    expect(ledger.kind).toBe(kind)
    expect(ledger.location).toBe(kind === 'server' ? target.server?.url : join(target.scratch, 'data'))
    expect(ledger.table('usage')).toBe(`\`db_${number}\`.\`usage\``)
  })

  it('takes its database for names without one', async () => {
    expect(await ledger.rows('SELECT currentDatabase() AS name')).toEqual([{ name: `db_${number}` }])
  })

  it('brings wide integers and odd floats back as they are', async () => {
    const [row] = await ledger.rows(
      `SELECT toUInt64('18446744073709551615') AS u, toInt64('-9223372036854775808') AS i, toUInt32(4294967295) AS s,
         reinterpretAsFloat64(reinterpretAsUInt64(0.1 + 0.2)) AS f, 5e-324 AS tiny, 1.7976931348623157e308 AS huge,
         inf AS inf, -inf AS ninf, nan AS nan, toUUID('0b5c8e3a-0000-4000-8000-00000000000f') AS id, NULL AS nothing`,
    )
    expect(row).toEqual({
      u: '18446744073709551615',
      i: '-9223372036854775808',
      s: 4294967295,
      f: 0.1 + 0.2,
      tiny: 5e-324,
      huge: Number.MAX_VALUE,
      inf: 'inf',
      ninf: '-inf',
      nan: 'nan',
      id: '0b5c8e3a-0000-4000-8000-00000000000f',
      nothing: null,
    })
  })

  it('binds parameters, whatever is in them', async () => {
    const text = `it's \\ "quoted" {x:String}\n\t\0 é 😀 -- ; /*`
    const ids = ['00000000-0000-0000-0000-000000000001', 'ffffffff-ffff-ffff-ffff-ffffffffffff']
    const [row] = await ledger.rows(
      'SELECT {text:String} AS text, {wide:UInt64} AS wide, {float:Float64} AS float, {ids:Array(UUID)} AS ids',
      { text, wide: '18446744073709551615', float: 0.1, ids },
    )
    expect(row).toEqual({ text, wide: '18446744073709551615', float: 0.1, ids })
  })

  it('keeps a SETTINGS clause of the statement itself, and takes a comment at its end', async () => {
    const rows = await ledger.rows(
      "SELECT getSetting('max_threads') AS threads, toUInt64(1) AS one SETTINGS max_threads = 3 -- why",
    )
    expect(rows).toEqual([{ threads: 3, one: '1' }])
  })

  it('streams a large result in portions', async () => {
    let rows = 0
    let sum = 0
    for await (const portion of ledger.stream<{ n: number }>('SELECT toUInt32(number) AS n FROM numbers(12345)')) {
      rows += portion.length
      for (const { n } of portion) sum += n
      expect(portion.length).toBeLessThanOrEqual(5000)
    }
    expect([rows, sum]).toEqual([12345, (12345 * 12344) / 2])
  })

  it('tells an error of the engine with its code, and works on', async () => {
    const error = await ledger.rows('SELECT * FROM nothing_here').catch((e) => e)
    expect(error).toBeInstanceOf(LedgerError)
    expect(error).toMatchObject({ code: 'target_failed', retryable: false, place: ledger.location })
    expect(error.message).toMatch(/nothing_here.*\(code 60 UNKNOWN_TABLE\)/)
    expect(serverCode(error)).toBe(60)
    await expect(ledger.command('CREATE TABLE broken (a UInt8) ENGINE = Nonsense')).rejects.toMatchObject({
      code: 'target_failed',
    })
    expect(await ledger.rows('SELECT toUInt8(1) AS one')).toEqual([{ one: 1 }])
  })

  it('tells an error that comes after the first rows', async () => {
    const late = "SELECT throwIf(number = 900000, 'late') AS a, repeat('x', 100) AS b FROM numbers(1000000)"
    await expect(ledger.rows(late)).rejects.toMatchObject({
      code: 'target_failed',
      message: expect.stringMatching(/late/),
    })
  })

  describe('insertNative', () => {
    const columns = [
      { name: 'id', type: 'UUID' },
      { name: 'cost', type: 'Float64' },
      { name: 'kind', type: 'LowCardinality(String)' },
    ]
    const block = async (name: string, rows: number) => {
      const file = join(target.scratch, `${name}-${number}.native`)
      const structure = columns.map((column) => `${column.name} ${column.type}`).join(', ')
      await ledger.command(
        `INSERT INTO FUNCTION file('${file}', 'Native', '${structure}')
         SELECT toUUID(toString(reinterpret(toUInt128(number + 1), 'UUID'))), number / 7, toString(number % 3) FROM numbers(${rows})`,
      )
      return { file, bytes: statSync(file).size, columns }
    }
    const count = async (table = 't') =>
      (await ledger.rows<{ n: number }>(`SELECT toUInt32(count()) AS n FROM ${ledger.table(table)}`))[0].n

    beforeEach(async () => {
      await ledger.command(
        `CREATE TABLE t (id UUID, extra String DEFAULT 'd', cost Float64, kind String) ENGINE = MergeTree ORDER BY id
         SETTINGS non_replicated_deduplication_window = 100`,
      )
    })

    it('stores every value of a block', async () => {
      await ledger.insertNative({ table: 't', ...(await block('values', 50_000)), token: 'a' })
      const [row] = await ledger.rows(
        `SELECT toUInt32(count()) AS rows, toUInt32(countIf(extra = 'd')) AS defaulted, toUInt32(countIf(kind = '2')) AS twos,
           toUInt32(countIf(reinterpretAsUInt64(cost) = reinterpretAsUInt64((reinterpretAsUInt128(id) - 1) / 7))) AS exact FROM t`,
      )
      expect(row).toEqual({ rows: 50_000, defaulted: 50_000, twos: 16_666, exact: 50_000 })
    })

    it('drops a token seen before, and its setting is gone afterwards', async () => {
      const insert = { table: 't', ...(await block('token', 3)) }
      await ledger.insertNative({ ...insert, token: 'same' })
      await ledger.insertNative({ ...insert, token: 'same' })
      expect(await count()).toBe(3)
      await ledger.command(
        "INSERT INTO t (id, cost, kind) SETTINGS async_insert = 0 SELECT toUUID('00000000-0000-0000-0000-0000000000ff'), 1, 'z'",
      )
      expect(await count()).toBe(4)
      await ledger.insertNative({ ...insert, token: 'other' })
      expect(await count()).toBe(7)
      expect(await ledger.rows("SELECT name FROM system.settings WHERE changed AND name LIKE '%token%'")).toEqual([])
    })

    it.each(['{a,b}', 'star*', 'what?', 'a::b', "quo'te", 'back\\slash', 'sp ace 😀', '[x]'])(
      'reads a file below a directory named %s',
      async (name) => {
        const { file, ...rest } = await block('named', 4)
        const directory = join(target.scratch, name)
        mkdirSync(directory, { recursive: true })
        const there = join(directory, `block-${number}.native`)
        symlinkSync(file, there)
        await ledger.insertNative({ table: 't', file: there, ...rest, token: 'n' })
        expect(await count()).toBe(4)
      },
    )

    it('refuses names that are no plain identifiers', async () => {
      const insert = { ...(await block('names', 1)), token: 'x' }
      await expect(ledger.insertNative({ table: 't`; DROP TABLE t', ...insert })).rejects.toMatchObject({
        code: 'config',
      })
      const evil = [{ name: 'id) SELECT 1 --', type: 'UUID' }]
      await expect(ledger.insertNative({ table: 't', ...insert, columns: evil })).rejects.toMatchObject({
        code: 'config',
      })
      expect(() => ledger.table('a.b')).toThrow(LedgerError)
      expect(() => ledger.table('')).toThrow(LedgerError)
      expect(() => ledger.table('x'.repeat(65))).toThrow(LedgerError)
      expect(await count()).toBe(0)
    })

    it('says that a block file is missing, and that more than 100 partitions are too many', async () => {
      const gone = {
        table: 't',
        file: join(target.scratch, 'gone.native'),
        bytes: 1,
        columns,
        token: 'g',
      }
      await expect(ledger.insertNative(gone)).rejects.toMatchObject({ retryable: false })
      await ledger.command(
        'CREATE TABLE many (id UUID, cost Float64, kind String) ENGINE = MergeTree PARTITION BY id ORDER BY id',
      )
      const error = await ledger
        .insertNative({ table: 'many', ...(await block('many', 101)), token: 'm' })
        .catch((e) => e)
      expect(serverCode(error)).toBe(252)
      expect(await count('many')).toBe(0)
    })
  })
})
