import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeTarget, PASSWORD, type TestTarget, USER } from '../support/server/targets.js'

/** What a replay relies on when it talks to a server, of the front that stands for one in the other tests. */
describe('the test server answers as ClickHouse does', () => {
  let target: TestTarget
  let url: string

  beforeAll(async () => {
    target = await makeTarget('server')
    url = target.server?.url ?? ''
    await ask('CREATE DATABASE other')
    await ask('CREATE TABLE default.t (a UInt64, b String) ENGINE = MergeTree ORDER BY a')
    await ask('CREATE TABLE other.t (a UInt64) ENGINE = MergeTree ORDER BY a')
  })
  afterAll(() => target.remove())

  const credentials = { 'x-clickhouse-user': USER, 'x-clickhouse-key': PASSWORD }

  /** Sends a statement, by URL where there is a body beside it. */
  const ask = async (
    sql: string,
    {
      body,
      search = {},
      headers = credentials,
    }: { body?: string | Buffer; search?: Record<string, string>; headers?: Record<string, string> } = {},
  ) => {
    const query = new URLSearchParams(body === undefined ? search : { ...search, query: sql })
    const answer = await fetch(`${url}/?${query}`, { method: 'POST', headers, body: body ?? sql })
    return { status: answer.status, headers: answer.headers, text: await answer.text() }
  }

  it.each([
    ['in headers of its own', credentials, 200],
    [
      'as Basic authorization',
      { authorization: `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}` },
      200,
    ],
    ['wrongly', { ...credentials, 'x-clickhouse-key': 'wrong' }, 403],
    ['not at all', {}, 403],
  ])('to a user who gives a password %s', async (_, headers, status) => {
    const answer = await ask('SELECT 1', { headers })
    expect(answer.status).toBe(status)
    if (status === 403) {
      expect(answer.headers.get('x-clickhouse-exception-code')).toBe('516')
      expect(answer.text).toMatch(/^Code: 516\. DB::Exception: .*\(AUTHENTICATION_FAILED\)/)
    }
  })

  it('to a ping of anybody', async () => {
    expect(await (await fetch(`${url}/ping`)).text()).toBe('Ok.\n')
  })

  it.each([
    ['SELEC 1', 62, 400],
    ['SELECT no_such_column FROM default.t', 47, 404],
    ['SELECT * FROM default.nothing', 60, 404],
    ['SELECT * FROM nowhere.t', 81, 404],
    ['CREATE TABLE default.t (a UInt8) ENGINE = Memory', 57, 500],
    ["SELECT throwIf(number = 3, 'three') FROM numbers(10)", 395, 500],
    ['SELECT toUInt8(number) FROM numbers(10) SETTINGS no_such_setting = 1', 115, 404],
  ])('to the wrong statement %s', async (sql, code, status) => {
    const answer = await ask(sql, { search: { wait_end_of_query: '1' } })
    expect([answer.headers.get('x-clickhouse-exception-code'), answer.status]).toEqual([String(code), status])
    expect(answer.text).toMatch(new RegExp(`^Code: ${code}\\. DB::Exception: .*\\([A-Z_]+\\)`))
  })

  it('under the id that a statement was given', async () => {
    const answer = await ask('SELECT 1', { search: { query_id: 'of-mine-1' } })
    expect(answer.headers.get('x-clickhouse-query-id')).toBe('of-mine-1')
    expect((await ask("SELECT count() FROM system.processes WHERE query_id = 'of-mine-1'")).text).toBe('0\n')
  })

  it('in the database of the request, which the next one does not inherit', async () => {
    expect((await ask('SELECT currentDatabase()', { search: { database: 'other' } })).text).toBe('other\n')
    expect((await ask('SELECT currentDatabase()')).text).toBe('default\n')
    expect(
      (await ask('SELECT 1', { search: { database: 'nowhere' } })).headers.get('x-clickhouse-exception-code'),
    ).toBe('81')
  })

  it('with settings that hold for their statement alone', async () => {
    const value = async () => (await ask("SELECT value FROM system.settings WHERE name = 'max_block_size'")).text
    const before = await value()
    const own = "SELECT value FROM system.settings WHERE name = 'max_block_size' SETTINGS max_block_size = 77"
    expect((await ask(own)).text).toBe('77\n')
    expect(
      (
        await ask("SELECT value FROM system.settings WHERE name = 'max_block_size'", {
          search: { max_block_size: '78' },
        })
      ).text,
    ).toBe('78\n')
    expect(await value()).toBe(before)
  })

  it.each(["it's", 'tab\tand\nline', 'back\\slash', 'ünï 🐘', "'; DROP TABLE t --", ''])(
    'with %j as a parameter, unchanged',
    async (text) => {
      const escaped = text.replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n')
      const answer = await ask('SELECT hex({x:String})', { search: { param_x: escaped } })
      expect(answer.text).toBe(`${Buffer.from(text).toString('hex').toUpperCase()}\n`)
    },
  )

  it('with the rows of a body, compressed or not', async () => {
    const rows = '{"a":1,"b":"one"}\n{"a":2,"b":"two"}\n'
    const insert = 'INSERT INTO default.t (a, b) SETTINGS async_insert = 0 FORMAT JSONEachRow'
    expect((await ask(insert, { body: rows })).status).toBe(200)
    const zipped = { ...credentials, 'content-encoding': 'gzip' }
    expect(
      (await ask(insert, { body: gzipSync(rows.replaceAll(':1', ':3').replaceAll(':2', ':4')), headers: zipped }))
        .status,
    ).toBe(200)
    expect((await ask('SELECT a, b FROM default.t ORDER BY a')).text).toBe('1\tone\n2\ttwo\n3\tone\n4\ttwo\n')
    await ask('TRUNCATE TABLE default.t')
  })

  it('compressed only where it was asked for', async () => {
    expect((await ask('SELECT 7')).headers.get('content-encoding')).toBeNull()
    const zipped = await ask('SELECT 7', { search: { enable_http_compression: '1' } })
    expect([zipped.headers.get('content-encoding'), zipped.text]).toEqual(['gzip', '7\n'])
  })

  it('nothing to a body that breaks off, of which it keeps no row', async () => {
    const insert = encodeURIComponent('INSERT INTO default.t (a) FORMAT JSONEachRow')
    const socket = connectSocket(Number(new URL(url).port), '127.0.0.1')
    await once(socket, 'connect')
    const head = Object.entries(credentials)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')
    socket.write(`POST /?query=${insert} HTTP/1.1\r\nHost: x\r\n${head}Content-Length: 1000\r\n\r\n{"a":1}\n{"a":2}\n`)
    socket.end()
    await once(socket.resume(), 'close')
    expect((await ask('SELECT count() FROM default.t')).text).toBe('0\n')
  })

  it('on one connection after another statement, and after an error', async () => {
    for (const sql of ['SELECT 1', 'SELEC 1', 'SELECT 2']) expect((await ask(sql)).text).not.toBe('')
  })
})
