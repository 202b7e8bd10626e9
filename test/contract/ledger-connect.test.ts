import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { LedgerError } from '../../src/domain/errors.js'
import { Secret } from '../../src/domain/options.js'
import { serverCode } from '../../src/ledger/adapt-error.js'
import { connect } from '../../src/ledger/connect.js'
import { startServer, type TestServer } from '../support/server/index.js'
import { makeTarget, PASSWORD, type TestTarget, USER } from '../support/server/targets.js'

const failure = async (attempt: Promise<unknown>): Promise<LedgerError> => {
  const error = await attempt.then(
    () => undefined,
    (e: unknown) => e,
  )
  expect(error).toBeInstanceOf(LedgerError)
  return error as LedgerError
}

describe('connecting to a server', () => {
  let target: TestTarget
  let stand: Server | undefined

  beforeAll(async () => {
    target = await makeTarget('server')
  })
  afterAll(() => target.remove())
  afterEach(() => {
    stand?.closeAllConnections()
    stand?.close()
  })

  /** Something that speaks HTTP at a free port, in place of ClickHouse. */
  const standIn = async (listener: RequestListener) => {
    stand = createServer(listener).listen(0, '127.0.0.1')
    await once(stand, 'listening')
    return { ...target.options('obleth'), url: `http://127.0.0.1:${(stand.address() as AddressInfo).port}` }
  }

  it('refuses a wrong password without saying it, or writing anything to the terminal', async () => {
    const written = vi.spyOn(process.stderr, 'write')
    const error = await failure(connect({ ...target.options('obleth'), password: new Secret('wr0ng-Pa55word') }))
    expect(error).toMatchObject({ code: 'access_denied', retryable: false, place: target.server?.url })
    expect(error.hint).toMatch(/OBLETH_CLICKHOUSE_USER/)
    expect(inspect(error, { depth: 9 })).not.toContain('wr0ng-Pa55word')
    expect(written).not.toHaveBeenCalled()
    written.mockRestore()
  })

  it('refuses an unknown user', async () => {
    expect(await failure(connect({ ...target.options('obleth'), user: 'nobody' }))).toMatchObject({
      code: 'access_denied',
    })
  })

  it.each([
    [`http://${USER}:${PASSWORD}@localhost:8123`, /user or password/],
    [`https://:${PASSWORD}@localhost`, /user or password/],
    ['clickhouse://localhost:9000', /scheme clickhouse/],
    ['tcp://localhost:9000', /scheme tcp/],
    ['localhost:8123', /scheme localhost/],
    ['not a url', /not a URL/],
    [`http://localhost:8123/?password=${PASSWORD}`, /parameters/],
  ])('refuses the URL %s', async (url, message) => {
    const error = await failure(connect({ ...target.options('obleth'), url }))
    expect(error).toMatchObject({ code: 'config', message: expect.stringMatching(message) })
    expect(inspect(error)).not.toContain(PASSWORD)
    expect(error.hint).toBeTruthy()
  })

  it('gives up on a server that is down, after some attempts', async () => {
    const options = await standIn((_, response) => response.destroy())
    let attempts = 0
    stand?.on('connection', () => attempts++)
    const closed = createServer().listen(0, '127.0.0.1')
    await once(closed, 'listening')
    const nobody = `http://127.0.0.1:${(closed.address() as AddressInfo).port}`
    closed.close()
    const [error, refused] = await Promise.all([
      failure(connect(options)),
      failure(connect({ ...options, url: nobody })),
    ])
    expect(error).toMatchObject({ code: 'target_unreachable', retryable: true, place: options.url })
    expect(error.hint).toMatch(/run the same command again/)
    expect(attempts).toBeGreaterThan(2)
    expect(refused).toMatchObject({
      code: 'target_unreachable',
      place: nobody,
      message: expect.stringMatching(/ECONNREFUSED/),
    })
  })

  it('gives up on a server that does not answer', async () => {
    const options = await standIn(() => {})
    const error = await failure(connect({ ...options, timeoutMs: 150 }))
    expect(error).toMatchObject({ code: 'target_unreachable', retryable: true })
    expect(error.message).toMatch(/in time/)
  })

  it('waits for a server that comes up', async () => {
    let requests = 0
    const options = await standIn((request, response) => {
      if (++requests <= 2) {
        response.writeHead(503).end('upstream is starting')
        return
      }
      request.resume()
      response.end(request.url?.includes('nothing') ? '' : '{"name":"async_insert"}\n')
    })
    const ledger = await connect(options)
    expect(requests).toBeGreaterThan(2)
    await ledger.close()
  })

  it.each([
    [
      'an exception behind a good status',
      200,
      {},
      'Code: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)',
      'target_failed',
      /241 MEMORY_LIMIT/,
    ],
    [
      'an exception in a header alone',
      200,
      { 'X-ClickHouse-Exception-Code': '497' },
      'no rights',
      'access_denied',
      /497/,
    ],
    ['a proxy that asks for a login', 401, {}, '<html>login</html>', 'access_denied', /401/],
    ['a page that is no answer', 200, {}, '<html>hello</html>', 'target_failed', /not ClickHouse/],
    ['a missing page', 404, {}, 'not found', 'target_failed', /404/],
    ['a cut row', 200, {}, '{"name":"a"}\n{"na', 'target_failed', /not ClickHouse/],
  ])('takes %s for an error', async (_, status, headers, body, code, message) => {
    const options = await standIn((request, response) => {
      request.resume()
      response.writeHead(status, headers).end(body)
    })
    expect(await failure(connect(options))).toMatchObject({ code, message: expect.stringMatching(message) })
  })

  it('takes an answer that breaks off for a failure', async () => {
    let requests = 0
    const options = await standIn((request, response) => {
      request.resume()
      response.write('{"name":"async_insert"}\n')
      if (++requests <= 2) response.end()
      else setImmediate(() => response.destroy())
    })
    const ledger = await connect(options)
    expect(await failure(ledger.command('CREATE TABLE t (a UInt8) ENGINE = Memory'))).toMatchObject({
      code: 'target_unreachable',
    })
    expect(await failure(ledger.rows('SELECT 1'))).toMatchObject({ code: 'target_unreachable' })
    await ledger.close()
  })

  it('does not send a statement that changes something a second time', async () => {
    let changes = 0
    const options = await standIn(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      if (!body.startsWith('INSERT')) return response.end('{"name":"async_insert"}\n')
      changes++
      return response.destroy()
    })
    const ledger = await connect(options)
    expect(await failure(ledger.command('INSERT INTO t SELECT 1'))).toMatchObject({
      code: 'target_unreachable',
      retryable: true,
    })
    expect(changes).toBe(1)
    await ledger.close()
  })

  const changing = async (listener: RequestListener) => {
    const options = await standIn(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      if (body.startsWith('INSERT')) listener(request, response)
      else response.end('{"name":"async_insert"}\n')
    })
    return await connect(options)
  }

  it.each([
    [159, 'target_failed'],
    [202, 'target_unreachable'],
    [209, 'target_unreachable'],
    [210, 'target_unreachable'],
    [241, 'target_failed'],
    [242, 'target_unreachable'],
    [252, 'target_failed'],
    [999, 'target_unreachable'],
  ])('takes error %i for one that passes, and says what to do', async (number, code) => {
    const ledger = await changing((_, response) => {
      response.writeHead(500, { 'x-clickhouse-exception-code': String(number) })
      response.end(`Code: ${number}. DB::Exception: too much. (BUSY) (version 26.7.1.1)\n`)
    })
    const error = await failure(ledger.command('INSERT INTO t SELECT 1'))
    expect(error).toMatchObject({ code, retryable: true, hint: expect.stringMatching(/run the same command again/) })
    expect(serverCode(error)).toBe(number)
    await ledger.close()
  })

  it.each([
    [408, undefined, undefined],
    [429, '3', 3000],
    [500, undefined, undefined],
    [502, 'soon', undefined],
    [503, '0', 0],
    [503, '-5', undefined],
    [504, '120', 120_000],
  ])('takes HTTP %i of a proxy (Retry-After: %s) for a state that passes', async (status, header, retryAfterMs) => {
    const ledger = await changing((_, response) => {
      response.writeHead(status, header === undefined ? {} : { 'retry-after': header }).end('<html>busy</html>')
    })
    const error = await failure(ledger.command('INSERT INTO t SELECT 1'))
    expect(error).toMatchObject({
      code: 'target_unreachable',
      retryable: true,
      message: expect.stringContaining(`HTTP status ${status}`),
      hint: expect.stringMatching(/run the same command again/),
    })
    expect(error.retryAfterMs).toBe(retryAfterMs)
    await ledger.close()
  })

  it('takes a Retry-After that is a date for the time until then', async () => {
    const ledger = await changing((_, response) => {
      response.writeHead(503, { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() }).end()
    })
    const { retryAfterMs } = await failure(ledger.command('INSERT INTO t SELECT 1'))
    expect(retryAfterMs).toBeGreaterThan(3_000_000)
    expect(retryAfterMs).toBeLessThanOrEqual(3_600_000)
    await ledger.close()
  })

  it('does not ask a user that may only read to read only, which it may not set', async () => {
    const options = await standIn((request, response) => {
      request.resume()
      response.end('{"name":"async_insert","value":"0"}\n{"name":"readonly","value":"2"}\n')
    })
    const ledger = await connect(options)
    expect(ledger.settings({ readonly: 1, async_insert: 0 })).toBe('SETTINGS async_insert = 0')
    await ledger.close()
  })

  it.each([
    ['SELECT(request_id, ts_ms) ON obleth.usage', 'SELECT ON obleth.usage'],
    ['INSERT(request_id) ON `obleth`.`usage`', 'INSERT ON `obleth`.`usage`'],
    ['CREATE DATABASE ON obleth.*', 'CREATE DATABASE ON obleth.*'],
    ['SELECT for at least one column on obleth.usage', 'what the message names'],
  ])('says what to grant where a server asks for %s', async (asked, hint) => {
    const options = await standIn((request, response) => {
      request.resume()
      const text = `ledger: Not enough privileges. To execute this query, it's necessary to have the grant ${asked}.`
      response
        .writeHead(500, { 'X-ClickHouse-Exception-Code': '497' })
        .end(`Code: 497. DB::Exception: ${text} (ACCESS_DENIED) (version 24.8.1.1)\n`)
    })
    expect(await failure(connect(options))).toMatchObject({
      code: 'access_denied',
      hint: `GRANT ${hint} TO this user; docs/rights.md lists what each command needs`,
    })
  })

  it('talks to a server behind a path', async () => {
    const paths = new Set<string>()
    const options = await standIn((request, response) => {
      paths.add(new URL(request.url ?? '', 'http://x').pathname)
      request.resume()
      response.end('{"name":"async_insert"}\n')
    })
    const ledger = await connect({ ...options, url: `${options.url}/click/house/` })
    expect([...paths]).toEqual(['/click/house'])
    expect(ledger.location).toBe(`${options.url}/click/house`)
    await ledger.close()
  })
})

describe('a server that is killed', () => {
  it('keeps what it acknowledged, and is found again at its address', async () => {
    const target = await makeTarget('server')
    const options = { dir: join(target.scratch, 'data'), user: USER, password: PASSWORD }
    try {
      const ledger = await target.open('default')
      await ledger.command('CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a')
      await ledger.command('INSERT INTO t SETTINGS async_insert = 0 SELECT 7')
      const { port } = target.server as TestServer
      await target.server?.kill('SIGKILL')
      const reading = ledger.rows('SELECT a FROM t')
      target.server = await startServer({ ...options, port })
      expect(await reading).toEqual([{ a: 7 }])
      await ledger.close()
    } finally {
      await target.remove()
    }
  })

  it('has the days of its own zone', async () => {
    const target = await makeTarget('embedded')
    const dir = join(target.scratch, 'west')
    const server = await startServer({ dir, user: USER, password: PASSWORD, tz: 'America/Los_Angeles' })
    const ledger = await connect({ ...target.options('default'), url: server.url })
    // 2025-06-15T02:00:00Z
    expect(
      await ledger.rows('SELECT toString(toDate(fromUnixTimestamp64Milli(toInt64(1749952800000)))) AS day'),
    ).toEqual([{ day: '2025-06-14' }])
    await ledger.close()
    await server.stop()
    await target.remove()
  })
})

describe('opening an embedded ledger', () => {
  let target: TestTarget
  beforeAll(async () => {
    target = await makeTarget('embedded')
  })
  afterAll(() => target.remove())

  it('makes its directory for its user alone, and is in UTC whatever TZ says', async () => {
    process.env.TZ = 'Asia/Tokyo'
    const ledger = await target.open('obleth')
    expect(statSync(join(target.scratch, 'data')).mode & 0o777).toBe(0o700)
    expect(await ledger.rows('SELECT timezone() AS zone')).toEqual([{ zone: 'UTC' }])
    await ledger.close()
  })

  it('says which process holds the directory, and opens it when that one is dead', async () => {
    const dir = join(target.scratch, 'data')
    const server = await startServer({ dir, user: USER, password: PASSWORD })
    const error = await failure(target.open('obleth'))
    expect(error).toMatchObject({ code: 'target_locked', place: dir })
    expect(error.message).toContain(`process ${server.pid}`)
    expect(error.hint).toMatch(/again/)
    await server.kill('SIGKILL')
    // What it left behind names a process that is gone.
    const ledger = await target.open('obleth')
    expect(await ledger.rows('SELECT toUInt8(1) AS one')).toEqual([{ one: 1 }])
    await ledger.close()
  })

  it('is not held by a stale file that names a living process', async () => {
    const dir = join(target.scratch, 'data')
    const sleeper = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'])
    writeFileSync(join(dir, 'status'), `PID: ${sleeper.pid}\nStarted at: 2025-01-01 00:00:00\nRevision: 1\n`)
    const ledger = await target.open('obleth')
    await ledger.close()
    sleeper.kill()
  })

  it('says that the directory cannot be made', async () => {
    const file = join(target.scratch, 'file')
    writeFileSync(file, '')
    const error = await failure(connect({ ...target.options('obleth'), embedded: join(file, 'below') }))
    expect(error).toMatchObject({
      code: 'target_failed',
      place: join(file, 'below'),
      hint: expect.stringMatching(/--embedded/),
    })
    rmSync(file)
    mkdirSync(file)
  })
})
