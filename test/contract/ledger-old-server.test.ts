import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Secret } from '../../src/domain/options.js'
import { connect } from '../../src/ledger/connect.js'
import { inspectTarget } from '../../src/ledger/inspect-target.js'
import { settled } from '../../src/ledger/settled.js'
import { hasDebianServer, READER, startDebianServer } from '../support/server/debian-server.js'

// A real server over real HTTP, if an old one: the front before chDB could share a misunderstanding with the client.
describe.skipIf(!hasDebianServer && process.env.CI !== 'true')("Debian's clickhouse-server", () => {
  const dir = mkdtempSync(join(tmpdir(), 'obleth-ledger-debian-'))
  let server: Awaited<ReturnType<typeof startDebianServer>>
  const options = (password = 'pa55') => ({
    url: server.url,
    user: 'ledger',
    password: new Secret(password),
    caCertificates: undefined,
    database: 'obleth',
    embedded: join(dir, 'unused'),
    timeoutMs: 10_000,
  })

  beforeAll(async () => {
    server = await startDebianServer(dir, 'ledger', 'pa55')
  })
  afterAll(async () => {
    await server.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  it('refuses a wrong password', async () => {
    await expect(connect(options('wrong'))).rejects.toMatchObject({ code: 'access_denied', place: server.url })
  })

  it('lets a user that is read-only read, and says what it lacks for more', async () => {
    const ledger = await connect({ ...options(), user: READER })
    expect(await ledger.rows('SELECT toUInt8(7) AS seven')).toEqual([{ seven: 7 }])
    await expect(ledger.command('CREATE DATABASE another')).rejects.toMatchObject({
      code: 'access_denied',
      message: expect.stringMatching(/readonly.*\(code 164/),
      hint: expect.stringMatching(/readonly = 0/),
    })
    await ledger.close()
  })

  it('takes a block of 100,000 rows and counts it', async () => {
    const ledger = await connect(options())
    await ledger.command('CREATE DATABASE obleth')
    await ledger.command(`CREATE TABLE ${ledger.table('t')} (a UInt64, b String) ENGINE = MergeTree ORDER BY a`)
    const file = join(dir, 'block.native')
    const query = 'SELECT number AS a, toString(number) AS b FROM system.numbers LIMIT 100000 FORMAT Native'
    const block = await fetch(`${server.url}/?user=ledger&password=pa55`, { method: 'POST', body: query })
    writeFileSync(file, Buffer.from(await block.arrayBuffer()))
    const columns = [
      { name: 'a', type: 'UInt64' },
      { name: 'b', type: 'String' },
    ]
    await ledger.insertNative({ table: 't', columns, file, bytes: statSync(file).size, token: 'x' })
    expect(
      await ledger.rows(`SELECT count() AS rows, sum(a) AS sum, uniqExact(b) AS texts FROM ${ledger.table('t')}`),
    ).toEqual([{ rows: '100000', sum: '4999950000', texts: '100000' }])
    await ledger.close()
  })

  it('tells its errors, in their old form, with their codes', async () => {
    const ledger = await connect(options())
    await expect(ledger.rows('SELECT nonsense')).rejects.toMatchObject({
      code: 'target_failed',
      message: expect.stringMatching(/nonsense.*\(code 47/),
    })
    await expect(ledger.command('SELECT throwIf(1)')).rejects.toMatchObject({
      message: expect.stringMatching(/code 395/),
    })
    await ledger.close()
  })

  it('works on at a statement whose answer was cut, and is waited for', async () => {
    const calm = await connect(options())
    await calm.command(`CREATE TABLE ${calm.table('slow')} (a UInt64) ENGINE = MergeTree ORDER BY a`)
    const hasty = await connect({ ...options(), timeoutMs: 500 })
    // A second for each of three blocks.
    const slow = `INSERT INTO ${calm.table('slow')} SELECT number + sleep(1) FROM system.numbers LIMIT 3 SETTINGS max_block_size = 1`
    await expect(hasty.command(slow)).rejects.toMatchObject({ code: 'target_unreachable', retryable: true })
    const count = async () =>
      (await calm.rows<{ rows: string }>(`SELECT count() AS rows FROM ${calm.table('slow')}`))[0]
    const { signal } = new AbortController()
    // It is none of the other connection's.
    await settled(calm, signal)
    expect(Number((await count()).rows)).toBeLessThan(3)
    await settled(hasty, signal)
    expect(await count()).toEqual({ rows: '3' })
    await Promise.all([calm.close(), hasty.close()])
  })

  it('is refused as a target', async () => {
    const ledger = await connect(options())
    await expect(inspectTarget(ledger)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringMatching(/18\.16.*too old/),
    })
    await ledger.close()
  })
})
