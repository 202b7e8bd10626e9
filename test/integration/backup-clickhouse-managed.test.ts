import { createServer } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { expect, it, onTestFinished, vi } from 'vitest'
// @ts-expect-error a plain script, without types
import { oblethSchema } from '../../samples/obleth-schema.js'
import { insertOf, record } from '../support/records.js'
import { forward } from '../support/server/fault-proxy.js'
import { onLoopback } from '../support/server/proxy.js'
import { ServerDir } from '../support/server/server-dir.js'

vi.setConfig({ testTimeout: 120_000 })

/** A server as a managed service shows it: its tables are of engines that no ClickHouse of one's own has. */
async function managed() {
  const dir = await ServerDir.start()
  onTestFinished(() => dir.remove())
  await dir.sql(...oblethSchema(), insertOf(Array.from({ length: 5 }, (_, n) => record(n))))
  const service = createServer(async (request, response) => {
    const { status, headers, bytes } = await forward(dir.server.url, request, await buffer(request))
    response.writeHead(status, headers).end(bytes.toString().replaceAll('"MergeTree"', '"SharedMergeTree"'))
  })
  const { url, close } = await onLoopback(service)
  onTestFinished(close)
  return { dir, url }
}

it.each([
  ['native', '--clickhouse-backup-disk', 'any'],
  ['clickhouse-backup', '--clickhouse-backup-url', 'http://127.0.0.1:9'],
])('a managed service is left to its provider by --tool %s', async (tool, ...where) => {
  const { dir, url } = await managed()
  const ran = await dir.command(['backup', 'clickhouse', '--tool', tool, ...where], { url, state: false })
  expect([ran.code, ran.document.error], ran.output).toEqual([
    5,
    expect.objectContaining({
      message: expect.stringMatching('`usage` is a SharedMergeTree table'),
      hint: expect.stringMatching("a managed ClickHouse, which makes backups itself: see the provider's backups"),
    }),
  ])
  const [databases] = await dir.sql("SELECT name FROM system.databases WHERE startsWith(name, 'obleth')")
  expect(databases).toEqual([{ name: 'obleth' }])
})
