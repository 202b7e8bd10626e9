import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exitCodeOfError } from '../../src/cli/exit-codes.js'
import { targetOptions } from '../../src/config/parsed.js'
import { resolveSettings } from '../../src/config/resolve.js'
import { hasOpenssl, TestCa } from '../support/server/certificates.js'

let cwd: string
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'ca-file-'))
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

const resolve = (path: string, url = 'https://h:8443') =>
  resolveSettings({ flags: { 'clickhouse-ca-file': path, 'clickhouse-url': url }, env: {}, cwd })
const file = (name: string, content: string | Buffer) => {
  writeFileSync(join(cwd, name), content)
  return join(cwd, name)
}
const pem = (base64: string) => `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`

test.each([
  ['missing', () => join(cwd, 'none'), /does not exist/],
  ['a directory', () => cwd, /is a directory/],
  ['empty', () => file('empty', ''), /no certificate in PEM form/],
  ['in binary form', () => file('der', Buffer.from('308201', 'hex')), /no certificate in PEM form/],
  ['a key', () => file('key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'), /no certificate/],
  ['base64 of nothing', () => file('junk', pem('AAAA')), /something else as its certificate number 1/],
  ['cut off', () => file('cut', pem('AAAA').slice(0, -30)), /no certificate in PEM form/],
  ['large', () => file('large', Buffer.alloc(2 << 20, 'x')), /too large/],
])('a CA file that is %s is refused with 2, by name', async (_, path, message) => {
  const named = path()
  const error = await resolve(named).catch((refusal: unknown) => refusal)
  expect(exitCodeOfError(error, null)).toBe(2)
  expect(error).toMatchObject({ message: expect.stringMatching(/^--clickhouse-ca-file: the file /) })
  expect(error).toMatchObject({ message: expect.stringMatching(message) })
  expect((error as Error).message).toContain(named)
})

describe.skipIf(!hasOpenssl)('a CA file of openssl', () => {
  let ca: TestCa
  beforeAll(() => {
    ca = new TestCa(cwd, 'ca')
  })

  test('is handed on, with what stands beside its certificates', async () => {
    const bundle = `# ours\n${readFileSync(ca.file, 'utf8')}# again\n${readFileSync(ca.file, 'utf8')}`
    expect(targetOptions(await resolve(file('bundle', bundle))).caCertificates).toBe(bundle)
  })

  test('is refused where one of several certificates is none', async () => {
    const bundle = file('half', readFileSync(ca.file, 'utf8') + pem('AAAA'))
    await expect(resolve(bundle)).rejects.toThrow(/certificate number 2/)
  })

  test('is refused beside a URL without TLS, where it would do nothing', async () => {
    await expect(resolve(ca.file, 'http://h:8123')).rejects.toThrow(/not an https one/)
  })
})
