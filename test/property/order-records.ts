import type { UsageRecord } from '../../src/bench/generator/record.js'
import type { RecordArena } from '../../src/domain/arena.js'
import { FIELDS, type FieldName } from '../../src/domain/record.js'
import { Kernel } from '../../src/kernel/index.js'

/** A record in plain values: what the tests put in and expect back. */
export type PlainRecord = Omit<UsageRecord, 'weight'> & { weight: bigint }

export interface Row {
  record: PlainRecord
  evidence: number
  batch: number
}

export const ALL: readonly FieldName[] = FIELDS.map(({ name }) => name)

/** Small seeded generator (mulberry32), so that a failing run can be repeated. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

function uuid(next: () => number): string {
  const hex = Array.from({ length: 4 }, () =>
    Math.floor(next() * 2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  ).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

export function plainRecord(next: () => number, tsMs: number): PlainRecord {
  const int = (below: number) => Math.floor(next() * below)
  return {
    request_id: uuid(next),
    tenant_id: `00000000-0000-0000-0000-00000000000${int(4)}`,
    key_id: `0000000${int(3)}-1111-0000-0000-000000000000`,
    model: ['gpt', 'llama-3', 'мистраль', ''][int(4)],
    admission: ['fast', 'queued', 'boon'][int(3)],
    weight: BigInt(int(10)) - 3n,
    input_tokens: int(5000),
    output_tokens: int(2 ** 32),
    estimated_tokens: int(9),
    queue_wait_ms: int(100),
    ttft_ms: int(1000),
    total_ms: int(100_000),
    status_code: [200, 429, 500][int(3)],
    cache_status: ['off', 'hit', 'miss'][int(3)],
    cost_usd: next() / 1000,
    energy_wh: next(),
    energy_cost_usd: 0,
    co2_g: next() * 5,
    ts_ms: tsMs,
    session_id: int(2) ? '' : `s-${int(1000)}`,
    session_id_source: ['', 'header'][int(2)],
    request_type: ['chat', 'benchmark'][int(2)],
    device_id: '',
  }
}

/** Appends a record to a kernel's arena, by the arena's documented layout. */
export function put(kernel: Kernel, { record, evidence, batch }: Row): void {
  const { arena } = kernel
  const row = arena.rows++
  for (const { name, kind } of FIELDS) {
    const value = record[name]
    const column = arena[name]
    if (kind === 'uuid') {
      const bytes = Buffer.from(String(value).replaceAll('-', ''), 'hex')
      ;[4, 0, 12, 8].forEach((at, word) => {
        column[row * 4 + word] = bytes.readUInt32BE(at)
      })
    } else if (kind === 'string') {
      const bytes = Buffer.from(String(value))
      column[row] = arena.strings.intern(bytes, 0, bytes.length)
    } else if (name === 'weight') {
      const bits = BigInt.asUintN(64, BigInt(value))
      column[row * 2] = Number(bits & 0xffffffffn)
      column[row * 2 + 1] = Number(bits >> 32n)
    } else column[row] = Number(value)
  }
  arena.evidence[row] = evidence
  arena.batch[row] = batch
  kernel.digest(row)
}

export function kernelOf(rows: readonly Row[]): Kernel {
  const kernel = new Kernel({ rows: Math.max(16, rows.length), heapBytes: 1 << 20, blockBytes: 1 << 20 })
  for (const row of rows) put(kernel, row)
  return kernel
}

export function arenaOf(rows: readonly Row[]): RecordArena {
  return kernelOf(rows).arena
}

/** By this a block's rows are in order: time, then the id as text. */
export function blockKey({ ts_ms, request_id }: Record<string, unknown>): string {
  return `${String(ts_ms).padStart(16, '0')} ${request_id}`
}

/** Rows of a Native block of plain and LowCardinality columns, as objects; text as ClickHouse would print the values. */
export function readNative(bytes: Uint8Array): Record<string, string | number | bigint>[] {
  const block = Buffer.from(bytes)
  let at = 0
  const varint = () => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = block[at++]
      value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
  }
  const text = () => {
    const length = varint()
    at += length
    return block.toString('utf8', at - length, at)
  }
  const next = (bytes: number) => {
    at += bytes
    return at - bytes
  }
  const uuidText = () => {
    const half = () =>
      Buffer.from(block.subarray(next(8), at))
        .reverse()
        .toString('hex')
    return (half() + half()).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  }
  const u64 = () => Number(block.readBigUInt64LE(next(8)))
  const readers: Record<string, () => string | number | bigint> = {
    UUID: uuidText,
    String: text,
    Int64: () => block.readBigInt64LE(next(8)),
    UInt32: () => block.readUInt32LE(next(4)),
    UInt16: () => block.readUInt16LE(next(2)),
    UInt8: () => block[at++],
    Float64: () => block.readDoubleLE(next(8)),
  }
  const columns = varint()
  const rows = Array.from({ length: varint() }, (): Record<string, string | number | bigint> => ({}))
  for (let c = 0; c < columns; c++) {
    const name = text()
    const type = text()
    if (type === 'LowCardinality(String)') {
      if (u64() !== 1) throw new Error('unknown version of the dictionary')
      const width = [1, 2, 4][u64() & 255]
      const keys = Array.from({ length: u64() }, text)
      if (u64() !== rows.length) throw new Error('other number of rows')
      for (const row of rows) row[name] = keys[block.readUIntLE(next(width), width)]
    } else for (const row of rows) row[name] = readers[type]()
  }
  if (at !== block.length) throw new Error(`${block.length - at} bytes behind the block`)
  return rows
}
