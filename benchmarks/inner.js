#!/usr/bin/env node
/** @import { Tree } from './runner/tree-cache.js' */
/** @import { OpenWalFile } from '../src/domain/wal.js' */
import { mkdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { Bench } from 'tinybench'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { Decoder, Orderer } from '../dist/parts.js'
import { USAGE_COLUMNS } from '../samples/obleth-schema.js'
import { byJsonParse, byStreamJson } from './contenders/lines.js'
import { treeFiles } from './contenders/tree-files.js'
import { innerTable } from './runner/inner-table.js'
import { cachedTree } from './runner/tree-cache.js'

/**
 * One loop: medians of its runs over the whole text.
 * @typedef {object} Loop
 * @property {string} name
 * @property {string} title
 * @property {number} rowsPerSecond
 * @property {number} bytesPerSecond
 * @property {number} nsPerRow
 * @property {number} relativeMargin of error, per cent
 * @property {number} runs
 */
/** @typedef {{ records: number, bytes: number, loops: Loop[] }} Inner */

const MEMORY_BYTES = 1 << 30
const PIECE_BYTES = 1 << 16
/** Beyond every record: none is in the future. */
const NOW_MS = Date.UTC(2099, 0)

const args = yargs(hideBin(process.argv))
  .scriptName('benchmarks/inner.js')
  .usage('$0 [options]\n\nMeasures decoding and ordering by themselves, in one thread and on bytes in memory.')
  .options({
    records: { type: 'number', default: 200_000, describe: 'records of the text, copies included' },
    seed: { type: 'number', default: 1, describe: 'seed of the tree' },
    time: { type: 'number', default: 3000, describe: 'ms for each loop, at least' },
    work: { type: 'string', default: join(tmpdir(), 'obleth-ledger-bench'), describe: 'directory for trees' },
    json: { type: 'boolean', default: false, describe: 'print one JSON document' },
  })
  .strict()
  .parseSync()

const work = resolve(args.work)
mkdirSync(work, { recursive: true })
const tree = cachedTree(work, { seed: args.seed, records: args.records })
const files = treeFiles(tree.files).map((file) => readFileSync(file))

const bench = new Bench({
  time: args.time,
  iterations: 5,
  warmupIterations: 2,
  warmupTime: args.time / 4,
  throws: true,
})
addLoops()
await bench.run()
const inner = results()
process.stdout.write(args.json ? `${JSON.stringify(inner, null, 2)}\n` : `${innerTable(inner)}\n`)

/** Each gives up unless it has seen every record. */
function addLoops() {
  const { records, unique } = tree
  bench.add('json-parse', () => {
    let rows = 0
    for (const bytes of files) for (const record of byJsonParse(bytes)) rows += Number(record.ts_ms > 0)
    expectRows(rows, records)
  })
  bench.add('stream-json', async () => {
    let rows = 0
    for (const bytes of files)
      for await (const record of byStreamJson(Readable.from(pieces(bytes)))) rows += Number(record.ts_ms > 0)
    expectRows(rows, records)
  })

  const { kernel } = ordering(false).orderer
  const decoder = decoderInto(kernel, async () => kernel.arena.reset())
  bench.add('decode', async () => {
    kernel.arena.reset()
    expectRows(await decodeAll(decoder), records)
  })

  for (const encode of [false, true]) {
    /** @type {ReturnType<typeof ordering>} */
    let fresh
    const loop = async () => {
      expectRows(await decodeAll(fresh.decoder), records)
      const { sent, copies } = await fresh.orderer.finish()
      expectRows(sent, unique)
      expectRows(copies, records - unique)
    }
    // A table of ids that knows none, made before the clock runs.
    const beforeEach = () => {
      fresh = ordering(encode)
    }
    bench.add(encode ? 'encode' : 'order', loop, { beforeEach })
  }
}

/**
 * As a file stream cuts them; a whole segment at once takes stream-json half as long again.
 * @param {Buffer} bytes @returns {Buffer[]}
 */
function pieces(bytes) {
  const count = Math.ceil(bytes.length / PIECE_BYTES)
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * PIECE_BYTES, (i + 1) * PIECE_BYTES))
}

/** An order stage, and a decoder that feeds it. @param {boolean} encode */
function ordering(encode) {
  const orderer = new Orderer(
    {
      memoryBytes: MEMORY_BYTES,
      // Everything fits into memory: nothing is written.
      spoolDir: work,
      columns: Object.keys(USAGE_COLUMNS),
      filter: { tenants: [] },
      encode,
      expectedRecords: tree.records,
    },
    () => {},
  )
  return { orderer, decoder: decoderInto(orderer.kernel, () => orderer.accept()) }
}

/**
 * @param {import('../src/kernel/index.js').Kernel} kernel
 * @param {import('../src/decode/index.js').DecodeHooks['full']} full
 */
function decoderInto(kernel, full) {
  return new Decoder(
    { nowMs: NOW_MS, acceptFuture: false },
    {
      kernel,
      full,
      quarantine: ({ reason, detail }) => {
        throw new Error(`${reason}: ${detail}`)
      },
    },
  )
}

/** @param {Decoder} decoder @returns {Promise<number>} records */
async function decodeAll(decoder) {
  let rows = 0
  for (let index = 0; index < files.length; index++) rows += (await decoder.decodeFile(opened(index))).decoded
  return rows
}

/** @param {number} index @returns {OpenWalFile} a file whose bytes come in one piece */
function opened(index) {
  const bytes = files[index]
  const stored = { via: /** @type {const} */ ('file'), path: new Uint8Array() }
  return {
    file: {
      index,
      pod: 'pod',
      path: `pod/${index}`,
      kind: 'segment',
      bytes: bytes.length,
      createdMs: null,
      checkpoint: { state: 'none' },
      candidateBatch: 0,
      modifiedMs: 0,
      version: '',
      locator: { stored, compression: 'none', members: [] },
    },
    chunks: (async function* () {
      yield bytes
    })(),
    problem: () => null,
    grownBytes: () => 0,
  }
}

/** @returns {Inner} with what ordering and encoding take above the loop before, too */
function results() {
  const { records, bytes } = tree
  const measured = bench.tasks.map((task) => {
    const { result } = task
    if (result.state !== 'completed') throw new Error(`${task.name}: ${result.state}`)
    const { p50, rme, samplesCount } = result.latency
    return { name: task.name, ms: p50, relativeMargin: rme, runs: samplesCount }
  })
  const titles = {
    'json-parse': 'JSON.parse per line',
    'stream-json': 'stream-json JSONL parser',
    decode: 'decode: every field into columns',
    order: 'decode, drop copies, sort, add up',
    encode: 'the same, and make Native blocks',
  }
  const loops = measured.map(({ name, ms, ...rest }) => ({
    name,
    title: titles[name],
    rowsPerSecond: (records / ms) * 1000,
    bytesPerSecond: (bytes / ms) * 1000,
    nsPerRow: (ms / records) * 1e6,
    ...rest,
  }))
  return { records, bytes, loops }
}

/** @param {number} rows @param {number} expected */
function expectRows(rows, expected) {
  if (rows !== expected) throw new Error(`${rows} rows, there should be ${expected}`)
}
