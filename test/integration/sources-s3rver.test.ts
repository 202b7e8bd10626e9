import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import pLimit from 'p-limit'
import { expect, it, onTestFinished } from 'vitest'
import { cleanEnv, LedgerDir } from '../support/ledger-dir.js'
import { record, segment } from '../support/records.js'
import { segmentName, tarOf } from '../support/wal-tree.js'

const SERVER = fileURLToPath(new URL('../support/s3/s3rver.js', import.meta.url))
const BUCKET = 'usage-backup'
/** The key that s3rver knows. */
const CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'S3RVER',
  AWS_SECRET_ACCESS_KEY: 'S3RVER',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
}
/** Not those with slashes at their start or two in a row, which it stores as others. */
const PODS = ['router-0', 'a b', 'a+b', 'a +b', 'a%20b', '100%', 'ünï🦀', "(x)!'~", 'query?x=1', '#frag']

/** The endpoint of a store of its own for the running test. */
async function start(folder: string): Promise<string> {
  // The tokens of its listings are made by a cipher that OpenSSL 3 no longer has by default.
  const child = spawn(process.execPath, ['--openssl-legacy-provider', SERVER, folder], {
    env: cleanEnv(),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(async () => {
    if (child.kill('SIGKILL')) await once(child, 'close')
  })
  const [port] = await once(child.stdout, 'data')
  return `http://127.0.0.1:${String(port).trim()}`
}

it('a bucket of a store that others wrote: more keys than a page, every spelling, archives', {
  timeout: 400_000,
}, async () => {
  const dir = new LedgerDir()
  onTestFinished(() => dir.remove())
  const endpoint = await start(join(dir.root, 'objects'))
  const [accessKeyId, secretAccessKey] = [CREDENTIALS.AWS_ACCESS_KEY_ID, CREDENTIALS.AWS_SECRET_ACCESS_KEY]
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
  const client = new S3Client({
    endpoint,
    forcePathStyle: true,
    region: 'us-east-1',
    credentials: { accessKeyId, secretAccessKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    requestHandler: { logger: { trace() {}, debug() {}, info() {}, warn() {}, error() {} } },
  })
  const put = (key: string, body: string | Buffer) =>
    client.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: body }))
  const content = (n: number) => segment([[record(2 * n), record(2 * n + 1)]])
  const objects = 1100
  const path = (n: number) => `telemetry.wal.segments/${segmentName(1_773_180_000_000 + n)}`
  const eight = pLimit(8)
  const keys = Array.from({ length: objects }, (_, n) => n)
  await Promise.all(keys.map((n) => eight(() => put(`wal/${PODS[n % PODS.length]}/${path(n)}`, content(n)))))
  await put(`wal/late.tgz`, gzipSync(await tarOf([{ name: `router-9/${path(objects)}`, content: content(objects) }])))
  // Beside the prefix, not below it.
  await put('wal-old/telemetry.wal', content(objects + 1))
  client.destroy()

  const args = ['replay', `s3://${BUCKET}/wal`, '--s3-endpoint', endpoint, '--s3-path-style']
  const { code, document } = await dir.runBeside(args, CREDENTIALS)
  const records = 2 * (objects + 1)
  expect([code, document.sources.unreadable]).toEqual([0, []])
  expect(document.sources).toMatchObject({ pods: PODS.length + 1, files: objects + 1 })
  const tokens = Array.from({ length: records }, (_, n) => 1000 + n * n).reduce((a, b) => a + b, 0)
  const sums = 'SELECT count() AS rows, uniqExact(request_id) AS ids, sum(input_tokens) AS tokens FROM obleth.usage'
  expect(dir.sql(sums)).toEqual([[{ rows: String(records), ids: String(records), tokens: String(tokens) }]])

  const wrong = { ...CREDENTIALS, AWS_ACCESS_KEY_ID: 'SOMEBODY' }
  expect((await dir.runBeside(args, wrong)).code).toBe(12)
  const nowhere = ['inspect', 's3://no-such-bucket/', ...args.slice(2)]
  expect((await dir.runBeside(nowhere, CREDENTIALS)).code).toBe(10)
})
