import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TlsOptions } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { connect } from '../../src/ledger/connect.js'
import { hasOpenssl, TestCa } from '../support/server/certificates.js'
import type { LoopbackProxy } from '../support/server/proxy.js'
import { makeTarget, type TestTarget } from '../support/server/targets.js'
import { startTlsProxy } from '../support/server/tls-proxy.js'

const LOCAL = 'IP:127.0.0.1,DNS:localhost'

describe.skipIf(!hasOpenssl)('a server behind TLS', () => {
  let target: TestTarget
  let ours: TestCa
  let other: TestCa
  let proxy: LoopbackProxy | undefined

  beforeAll(async () => {
    target = await makeTarget('server')
    ours = new TestCa(target.scratch, 'ours')
    other = new TestCa(target.scratch, 'other')
  })
  afterAll(() => target.remove())
  afterEach(() => proxy?.close())

  /** Connects by TLS to a server with this certificate, trusting these CAs; reads one row and ends. */
  const read = async (certificate: TlsOptions, ...trusted: readonly TestCa[]) => {
    proxy = await startTlsProxy(target.server?.url ?? '', certificate)
    const pem = trusted.map(({ file }) => readFileSync(file, 'utf8')).join('')
    const caCertificates = trusted.length === 0 ? undefined : pem
    const ledger = await connect({ ...target.options('default'), url: proxy.url, caCertificates })
    const rows = await ledger.rows('SELECT toUInt8(7) AS seven')
    await ledger.close()
    return rows
  }
  const failure = (certificate: TlsOptions, ...trusted: readonly TestCa[]) =>
    read(certificate, ...trusted).then(
      () => expect.unreachable('it connected'),
      (error: unknown) => error,
    )

  it('is read where its CA is named, alone or among others', async () => {
    const certificate = ours.issue(LOCAL)
    expect(await read(certificate, ours)).toEqual([{ seven: 7 }])
    await proxy?.close()
    expect(await read(certificate, other, ours)).toEqual([{ seven: 7 }])
  })

  it.each([
    ['whose CA nobody named', () => failure(ours.issue(LOCAL)), /UNABLE_TO_VERIFY_LEAF/, /--clickhouse-ca-file/],
    ['of another CA', () => failure(ours.issue(LOCAL), other), /UNABLE_TO_(VERIFY|GET)/, /--clickhouse-ca-file/],
    [
      'that signed itself',
      () => failure({ cert: readFileSync(ours.file), key: readFileSync(`${ours.file}.key`) }),
      /SELF_SIGNED/,
      /--clickhouse-ca-file/,
    ],
    ['of yesterday', () => failure(ours.issue(LOCAL, -1), ours), /CERT_HAS_EXPIRED/, /renew/],
    [
      'for another host',
      () => failure(ours.issue('DNS:elsewhere.example'), ours),
      /ALTNAME_INVALID/,
      /--clickhouse-url/,
    ],
  ])('with a certificate %s is refused at once', async (_, attempt, message, hint) => {
    expect(await attempt()).toMatchObject({
      code: 'target_unreachable',
      // Or it would be tried again and again, for seconds.
      retryable: false,
      place: proxy?.url,
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    })
  })

  it('that wants a certificate of the client says so', async () => {
    const wants = { ...ours.issue(LOCAL), ca: readFileSync(ours.file), requestCert: true, rejectUnauthorized: true }
    expect(await failure(wants, ours)).toMatchObject({
      code: 'target_unreachable',
      hint: expect.stringMatching(/certificate of the client/),
    })
  })

  it('is not found at a port without TLS', async () => {
    const url = target.server?.url.replace('http:', 'https:')
    await expect(connect({ ...target.options('default'), url })).rejects.toMatchObject({
      code: 'target_unreachable',
      hint: expect.stringMatching(/scheme and port/),
    })
  })

  it('takes blocks larger than its buffers, byte for byte', async () => {
    proxy = await startTlsProxy(target.server?.url ?? '', ours.issue(LOCAL))
    const caCertificates = readFileSync(ours.file, 'utf8')
    const ledger = await connect({ ...target.options('default'), url: proxy.url, caCertificates })
    await ledger.command('CREATE TABLE wide (a UInt64, b String) ENGINE = MergeTree ORDER BY a')
    const file = join(target.scratch, 'rows.jsonl')
    const lines = Array.from({ length: 30_000 }, (_, n) => JSON.stringify({ a: n, b: String(n).repeat(20) }))
    writeFileSync(file, lines.join('\n'))
    const columns = [
      { name: 'a', type: 'UInt64' },
      { name: 'b', type: 'String' },
    ]
    const bytes = lines.join('\n').length
    await ledger.insertNative({ table: 'wide', columns, file, format: 'JSONEachRow', bytes, token: 't' })
    expect(await ledger.rows('SELECT count() AS rows, sum(a) AS sum, sum(length(b)) AS length FROM wide')).toEqual([
      { rows: '30000', sum: '449985000', length: String(20 * lines.reduce((all, _, n) => all + String(n).length, 0)) },
    ])
    await ledger.close()
  })
})
