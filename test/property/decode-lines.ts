import { createHash } from 'node:crypto'
import { type DecodeHooks, Decoder, type FileCounts } from '../../src/decode/index.js'
import type { RecordArena } from '../../src/domain/arena.js'
import { FIELDS } from '../../src/domain/record.js'
import { textOf } from '../../src/domain/string-pool.js'
import type { QuarantineEntry, WalFile } from '../../src/domain/wal.js'
import { Kernel } from '../../src/kernel/index.js'

/** 2026-03-10T12:00:00Z. */
export const NOW_MS = Date.UTC(2026, 2, 10, 12)

/** A field's value as a test compares it: floats as their 64 bits, so that -0 and 0 differ. */
export type Value = string | bigint | number

export interface DecodedRow {
  readonly values: Record<string, Value>
  readonly evidence: number
  readonly batch: number
  readonly line: number
  readonly byteOffset: number
  readonly bytes: string
}

export interface Decoded {
  readonly rows: DecodedRow[]
  readonly counts: FileCounts
  readonly entries: QuarantineEntry[]
  readonly unknown: { name: string; count: number }[]
  readonly missing: { name: string; count: number }[]
}

export interface DecodeSetup {
  readonly file?: Partial<WalFile>
  readonly maxLineBytes?: number
  readonly acceptFuture?: boolean
  /** Rows of an arena. */
  readonly capacity?: number
}

function walFile(changes: Partial<WalFile> = {}): WalFile {
  return {
    index: 0,
    pod: 'router-0',
    path: 'router-0/telemetry.wal',
    kind: 'legacy',
    bytes: null,
    createdMs: null,
    checkpoint: { state: 'none' },
    candidateBatch: 0,
    modifiedMs: 0,
    version: '',
    locator: { stored: { via: 'file', path: Buffer.from('/wal') }, compression: 'none', members: [] },
    ...changes,
  }
}

/** By the rows of their arenas: to make one takes longer than to decode a line. */
const kernels = new Map<number, Kernel>()

function emptyKernel(rows: number): Kernel {
  const kernel = kernels.get(rows) ?? new Kernel({ rows, heapBytes: 1 << 16, blockBytes: 0 })
  kernels.set(rows, kernel)
  kernel.arena.reset()
  kernel.takeMissing()
  return kernel
}

/** Decodes a file that comes in these chunks, from memory that is overwritten as soon as the next one is asked for. */
export async function decodeChunks(chunks: readonly Uint8Array[], setup: DecodeSetup = {}): Promise<Decoded> {
  const rows: DecodedRow[] = []
  const entries: QuarantineEntry[] = []
  const places: Omit<DecodedRow, 'values' | 'evidence' | 'batch'>[] = []
  const kernel = emptyKernel(setup.capacity ?? 64)
  const { arena } = kernel
  // Values that no record has: what a decoder leaves out shows.
  arena.evidence.fill(0xee)
  arena.batch.fill(0xeeee)
  const drain = () => {
    for (let row = 0; row < arena.rows; row++)
      rows.push({
        values: valuesOf(arena, row),
        evidence: arena.evidence[row],
        batch: arena.batch[row],
        ...places[rows.length],
      })
    arena.reset()
  }
  const hooks: DecodeHooks = {
    kernel,
    full: async () => drain(),
    quarantine: (entry) => entries.push(entry),
    record: (_file, _arena, _row, { line, byteOffset, bytes }) =>
      places.push({ line, byteOffset, bytes: Buffer.from(bytes).toString('latin1') }),
  }
  const decoder = new Decoder(
    {
      nowMs: NOW_MS,
      acceptFuture: setup.acceptFuture ?? false,
      ...(setup.maxLineBytes === undefined ? {} : { maxLineBytes: setup.maxLineBytes }),
    },
    hooks,
  )
  const memory = Buffer.alloc(chunks.reduce((most, { length }) => Math.max(most, length), 0))
  async function* reused() {
    for (const chunk of chunks) {
      memory.fill(0x7b)
      memory.set(chunk)
      yield memory.subarray(0, chunk.length)
    }
    memory.fill(0x7b)
  }
  const counts = await decoder.decodeFile({
    file: walFile(setup.file),
    chunks: reused(),
    problem: () => null,
    grownBytes: () => 0,
  })
  drain()
  return { rows, counts, entries, unknown: decoder.unknownFields(), missing: decoder.missingFields() }
}

export const decode = (bytes: Uint8Array | string, setup?: DecodeSetup) => decodeChunks([Buffer.from(bytes)], setup)

/** The same bytes one by one: no line is ever whole in a chunk, so that all go the careful way. */
export const decodeCarefully = (bytes: Uint8Array, setup?: DecodeSetup) =>
  decodeChunks(
    Array.from(bytes, (byte) => Uint8Array.of(byte)),
    setup,
  )

export function valuesOf(arena: RecordArena, row: number): Record<string, Value> {
  const value = (index: number): Value => {
    const { name, kind } = FIELDS[index]
    const column = arena[name]
    if (kind === 'uuid') return uuidOf(column as Uint32Array, row)
    if (kind === 'string') return textOf(arena.strings, column[row])
    if (kind === 'f64') return bitsOf(column[row])
    return name === 'weight' ? weightOf(arena, row) : column[row]
  }
  return Object.fromEntries(FIELDS.map(({ name }, index) => [name, value(index)]))
}

function uuidOf(words: Uint32Array, row: number): string {
  const hex = [1, 0, 3, 2].map((at) => words[4 * row + at].toString(16).padStart(8, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

function weightOf({ weight }: RecordArena, row: number): bigint {
  return BigInt.asIntN(64, (BigInt(weight[2 * row + 1]) << 32n) | BigInt(weight[2 * row]))
}

/** The 64 bits of a double. */
export function bitsOf(value: number): bigint {
  return Buffer.from(Float64Array.of(value).buffer).readBigUInt64LE()
}

export const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')

const PLAIN: Readonly<Record<string, string>> = {
  request_id: '"0b9d0c1e-7f3a-4d52-9c61-58e0a7b4f2d3"',
  tenant_id: '"11111111-2222-4333-8444-555555555555"',
  key_id: '"66666666-7777-4888-9999-aaaaaaaaaaaa"',
  model: '"aurora-70b"',
  admission: '"fast"',
  weight: '100',
  input_tokens: '812',
  output_tokens: '77',
  estimated_tokens: '1412',
  queue_wait_ms: '0',
  ttft_ms: '95',
  total_ms: '2310',
  status_code: '200',
  cache_status: '"miss"',
  cost_usd: '0.0009327',
  energy_wh: '0.25',
  energy_cost_usd: '0.00003',
  co2_g: '0.1',
  ts_ms: '1773100800000',
  session_id: '""',
  session_id_source: '""',
  request_type: '"chat"',
  device_id: '""',
}

/** JSON texts of a record's fields, in order; undefined leaves one out. */
export type Texts = Readonly<Record<string, string | undefined>>

/** A line as serde_json writes it, without its LF. */
export function line(changes: Texts = {}): string {
  const fields = Object.entries({ ...PLAIN, ...changes }).filter(([, text]) => text !== undefined)
  return `{${fields.map(([name, text]) => `"${name}":${text}`).join(',')}}`
}

/** A line whose request_id ends in this number. */
export const numbered = (n: number, changes: Texts = {}) =>
  line({ request_id: `"00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}"`, ...changes })

/** The number of a row that came from `numbered`. */
export const numberOf = ({ values }: DecodedRow) => Number.parseInt(String(values.request_id).slice(-12), 16)
