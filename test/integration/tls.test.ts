import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { record, SEGMENT, segment } from '../support/records.js'
import { hasOpenssl, TestCa } from '../support/server/certificates.js'
import type { LoopbackProxy } from '../support/server/proxy.js'
import { ServerDir } from '../support/server/server-dir.js'
import { startTlsProxy } from '../support/server/tls-proxy.js'

describe.skipIf(!hasOpenssl)('every command reaches a server behind TLS with a private CA', () => {
  let dir: ServerDir
  let ca: TestCa
  let proxy: LoopbackProxy
  beforeAll(async () => {
    dir = await ServerDir.start()
    ca = new TestCa(dir.files.root, 'ca')
    proxy = await startTlsProxy(dir.server.url, ca.issue('IP:127.0.0.1'))
  })
  afterAll(async () => {
    await proxy.close()
    await dir.remove()
  })

  it.each([
    ['replay', ['replay', 'pods', '--create-schema', '--yes']],
    ['runs list', ['runs', 'list']],
    ['bill', ['bill', '--period', '2026-03-10']],
    ['audit', ['audit', '--retention-days', '36500']],
    ['repair', ['repair', '--dry-run']],
  ])('%s', async (_, args) => {
    dir.files.write(SEGMENT, segment([[1, 2, 3].map((n) => record(n))]))
    const ran = await dir.command([...args, '--clickhouse-ca-file', ca.file], { url: proxy.url })
    expect(ran, ran.output).toMatchObject({ code: 0, document: { target: { location: proxy.url } } })
  })

  it('with the CA from the environment, or the config file', async () => {
    const args = ['query', 'SELECT count() AS rows FROM obleth.usage']
    const byVariable = { OBLETH_LEDGER_CLICKHOUSE_CA_FILE: ca.file }
    expect(await dir.command(args, { url: proxy.url, env: byVariable })).toMatchObject({
      code: 0,
      document: { data: [{ rows: 3 }] },
    })
    writeFileSync(join(dir.files.root, 'obleth-ledger.yaml'), `clickhouse-ca-file: ${ca.file}\n`)
    expect(await dir.command(args, { url: proxy.url })).toMatchObject({ code: 0, document: { data: [{ rows: 3 }] } })
  })

  it('else it ends with 13, and names the option', async () => {
    writeFileSync(join(dir.files.root, 'obleth-ledger.yaml'), '')
    const ran = await dir.command(['audit'], { url: proxy.url })
    expect(ran.code).toBe(13)
    expect(ran.output).toContain('--clickhouse-ca-file')
  })
})
