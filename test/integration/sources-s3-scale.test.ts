import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LedgerDir, type Ran } from '../support/ledger-dir.js'
import { lineOf, record, segment } from '../support/records.js'
import { type Fault, SLOW_DOWN } from '../support/s3/faults.js'
import { CREDENTIALS, S3Server } from '../support/s3/index.js'
import { UGLY_PODS } from '../support/s3/keys.js'
import { type Body, storedObject } from '../support/s3/objects.js'
import { segmentName } from '../support/wal-tree.js'

const SEGMENTS = 'telemetry.wal.segments'
/** Two threads, each with 16. */
const MOST_SOCKETS = 32
const LEDGER = 'SELECT count() AS rows, sum(cityHash64(*)) AS hash, sum(input_tokens) AS tokens FROM obleth.usage'
const MIB = 2 ** 20

let dir: LedgerDir
beforeEach(() => {
  dir = new LedgerDir()
})
afterEach(() => dir.remove())

function command(name: string, store: S3Server, dir: LedgerDir): Promise<Ran> {
  const at = ['--s3-endpoint', store.endpoint, '--s3-path-style', '--s3-timeout', '2s']
  return dir.runBeside([name, `s3://${store.bucket}/`, ...at], CREDENTIALS)
}

const tokens = (records: number) => Array.from({ length: records }, (_, n) => 1000 + n * n).reduce((a, b) => a + b, 0)
const content = (n: number) => segment([[record(2 * n), record(2 * n + 1)]])

/** Segments of pods with ugly keys, behind a store that throttles, fails, resets, cuts and stalls. */
async function uglyBucket(objects: number): Promise<S3Server> {
  const store = await S3Server.start()
  const key = (n: number) => `${UGLY_PODS[n % UGLY_PODS.length]}/${SEGMENTS}/${segmentName(1_773_180_000_000 + n)}`
  store.put(Object.fromEntries(Array.from({ length: objects }, (_, n) => [key(n), content(n)])))
  const faults: Fault[] = [
    SLOW_DOWN,
    { bodyBytes: 300, end: 'cut' },
    { status: 500, code: 'InternalError' },
    'reset',
    { status: 429, code: 'TooManyRequests' },
  ]
  // As many for a large bucket as for a small one.
  const every = Math.floor(objects / 130)
  store.fault = ({ number }) => {
    if (number === 500 || number === 1500) return { bodyBytes: 400, end: 'stall' }
    return number % every === 7 ? faults[((number - 7) / every) % faults.length] : null
  }
  return store
}

describe('thousands of ugly keys behind a store with every fault', () => {
  it('give the ledger of the same files in a folder', async () => {
    const objects = 2600
    for (let n = 0; n < objects; n++)
      dir.write(`pod-${n % 4}/${SEGMENTS}/${segmentName(1_773_180_000_000 + n)}`, content(n))
    const plain = dir.replay()
    expect([plain.code, plain.document.records.inserted]).toEqual([0, 2 * objects])
    const other = new LedgerDir()
    try {
      const store = await uglyBucket(objects)
      const { code, document } = await command('replay', store, other)
      expect([code, document.sources.files, document.sources.pods]).toEqual([0, objects, UGLY_PODS.length])
      expect(document.lines).toEqual(plain.document.lines)
      expect(document.records).toEqual(plain.document.records)
      const [[ledger]] = other.sql(LEDGER)
      expect(ledger).toMatchObject({ rows: String(2 * objects), tokens: String(tokens(2 * objects)) })
      expect([[ledger]]).toEqual(dir.sql(LEDGER))
      expect(store.mostSockets).toBeLessThanOrEqual(MOST_SOCKETS)
      // Each fault was met, and little was asked for again that had come.
      expect(store.requests.length).toBeGreaterThan(objects)
      expect(store.requests.length).toBeLessThan(1.2 * objects)
    } finally {
      other.remove()
    }
  }, 600_000)

  it('take memory and sockets that hardly grow with their number', async () => {
    const most = async (objects: number) => {
      const store = await uglyBucket(objects)
      const { code, document } = await command('inspect', store, dir)
      expect([code, document.records.decoded]).toEqual([0, 2 * objects])
      expect(store.mostSockets).toBeLessThanOrEqual(MOST_SOCKETS)
      return document.peakRssBytes
    }
    const [some, fourTimes] = [await most(2600), await most(10_400)]
    // Key, size and ETag of each are kept, not what is read.
    expect(fourTimes / some).toBeLessThan(2)
  }, 600_000)
})

const LINE_BYTES = 65_536

/** Records of just so many bytes, made when they are asked for: a field that obleth does not know fills each up. */
class MadeUp implements Body {
  constructor(readonly length: number) {}

  subarray(from: number, end: number): Buffer {
    const first = Math.floor(from / LINE_BYTES)
    const lines: Buffer[] = []
    for (let n = first; n * LINE_BYTES < end; n++) {
      const line = `${lineOf(record(n)).slice(0, -1)},"padding":"`
      lines.push(Buffer.from(`${line.padEnd(LINE_BYTES - 3, 'x')}"}\n`))
    }
    const at = first * LINE_BYTES
    return Buffer.concat(lines).subarray(from - at, end - at)
  }
}

describe('one object', () => {
  it('of 1 GiB takes hardly more memory than one of 64 MiB', async () => {
    const most = async (bytes: number) => {
      const store = await S3Server.start()
      store.objects.set('router-0/telemetry.wal', {
        ...storedObject('', 'several pieces'),
        checksums: {},
        body: new MadeUp(bytes),
      })
      const { code, document } = await command('inspect', store, dir)
      const records = bytes / LINE_BYTES
      expect([code, document.sources.bytes, document.records.decoded]).toEqual([0, bytes, records])
      expect(document.unknownFields).toEqual([{ name: 'padding', count: records }])
      expect(store.mostSockets).toBeLessThanOrEqual(MOST_SOCKETS)
      return document.peakRssBytes
    }
    const [small, large] = [await most(64 * MIB), await most(1024 * MIB)]
    expect(large / small).toBeLessThan(2)
    expect(large).toBeLessThan(512 * MIB)
  }, 600_000)
})
