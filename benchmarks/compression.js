#!/usr/bin/env node
/**
 * Sends one block of records, as a replay does, to the test server with and without compression, over links of several
 * speeds, and prints a table. Time of the processor is that of the client; the server's comes on top of it.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { aligned } from './runner/text.js'
import { cachedTree } from './runner/tree-cache.js'

const ROWS = 250_000
const ROUNDS = 3
const LINKS = [
  { name: 'loopback', bytesPerSecond: Number.POSITIVE_INFINITY },
  { name: '1 Gbit/s', bytesPerSecond: 125e6 },
  { name: '100 Mbit/s', bytesPerSecond: 12.5e6 },
]
const WAYS = [
  { name: 'plain', request: false },
  { name: 'gzip, level 1', request: { codec: 'gzip', level: 1 } },
  { name: 'gzip, level 6', request: { codec: 'gzip' } },
]
const COMMAND = fileURLToPath(new URL('../bin/obleth-ledger.js', import.meta.url))
const FRONT = fileURLToPath(new URL('../test/support/server/front.js', import.meta.url))

const dir = mkdtempSync(join(tmpdir(), 'compression-'))
try {
  const { block, structure } = makeBlock()
  const server = await startFront()
  const results = []
  for (const link of LINKS) {
    const way = await throttled(server.port, link.bytesPerSecond)
    for (const { name, request } of WAYS)
      results.push({ link: link.name, name, ...(await measure(way, request, block, structure)) })
    way.close()
  }
  server.stop()
  process.stdout.write(page(results, statSync(block).size))
} finally {
  rmSync(dir, { recursive: true, force: true })
}

/** Records of a generated tree in the order of a block, in Native format. */
function makeBlock() {
  const tree = cachedTree(join(tmpdir(), 'obleth-ledger-bench'), { records: 300_000, duplicates: 0.1 })
  const ledger = ['--embedded', join(dir, 'ledger'), '--state-dir', join(dir, 'state')]
  run(['replay', tree.files, ...ledger, '--quiet'])
  const native = run([
    'query',
    `SELECT * FROM obleth.usage ORDER BY ts_ms LIMIT ${ROWS}`,
    '--format',
    'Native',
    ...ledger,
  ])
  const block = join(dir, 'block')
  writeFileSync(block, native)
  const described = run(['query', 'DESCRIBE TABLE obleth.usage', '--format', 'JSONEachRow', ...ledger]).toString()
  const columns = described
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ default_type: kind }) => kind !== 'MATERIALIZED')
  return { block, structure: columns.map(({ name, type }) => `${name} ${type}`).join(', ') }
}

/** @param {string[]} args */
function run(args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, ...args], { maxBuffer: 1 << 30 })
  if (status !== 0 && status !== 3) throw new Error(stderr.toString())
  return stdout
}

async function startFront() {
  const options = { dir: join(dir, 'server'), user: 'bench', password: 'bench', port: 0 }
  const child = spawn(process.execPath, [FRONT, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [line] = await once(child.stdout, 'data')
  return { port: JSON.parse(line).port, stop: () => child.kill('SIGTERM') }
}

/**
 * A link of so many bytes a second to the server, which counts what goes over it.
 * @param {number} port
 * @param {number} bytesPerSecond
 */
async function throttled(port, bytesPerSecond) {
  let sent = 0
  const link = createServer((socket) => {
    let free = performance.now()
    const slow = new Transform({
      async transform(chunk, _, done) {
        sent += chunk.length
        free = Math.max(free, performance.now()) + (chunk.length / bytesPerSecond) * 1000
        const wait = free - performance.now()
        if (wait > 1) await sleep(wait)
        done(null, chunk)
      },
    })
    const onward = connect(port, '127.0.0.1')
    socket.pipe(slow).pipe(onward).pipe(socket)
    for (const one of [socket, onward]) one.on('error', () => one.destroy())
  }).listen(0, '127.0.0.1')
  await once(link, 'listening')
  return {
    url: `http://127.0.0.1:${link.address().port}`,
    sent: () => sent,
    close: () => link.close(),
  }
}

async function measure(way, request, block, structure) {
  const client = createClient({
    url: way.url,
    username: 'bench',
    password: 'bench',
    compression: { request },
    request_timeout: 600_000,
    log: { level: ClickHouseLogLevel.OFF },
  })
  const walls = []
  const cpus = []
  let bytes = 0
  // A table that keeps nothing, so that the way there is what is measured.
  await client.command({ query: `CREATE TABLE IF NOT EXISTS default.nothing (${structure}) ENGINE = Null` })
  for (let round = 0; round < ROUNDS; round++) {
    const before = way.sent()
    const started = performance.now()
    const cpu = process.cpuUsage()
    const values = createReadStream(block, { highWaterMark: 1 << 20 })
    const { stream } = await client.exec({ query: 'INSERT INTO default.nothing FORMAT Native', values })
    for await (const _ of stream);
    const { user, system } = process.cpuUsage(cpu)
    walls.push(performance.now() - started)
    cpus.push((user + system) / 1000)
    bytes = way.sent() - before
  }
  await client.close()
  return { wallMs: median(walls), cpuMs: median(cpus), bytes }
}

function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1]
}

function page(results, size) {
  const mb = (bytes) => (bytes / 1e6).toFixed(1)
  const rows = results.map(({ link, name, wallMs, cpuMs, bytes }) => [
    link,
    name,
    wallMs.toFixed(0),
    cpuMs.toFixed(0),
    mb(bytes),
  ])
  return `${ROWS} records, ${mb(size)} MB in Native format, medians of ${ROUNDS}\n\n${aligned(['link', 'block', 'wall ms', 'CPU ms', 'MB sent'], rows)}\n`
}
