import type { RecordArena } from '../domain/arena.js'
import { FIELDS, type Field, type FieldName } from '../domain/record.js'

/** What a row takes about, short texts included; a buffer that must grow on its way is copied. */
const BYTES_PER_ROW = 176
/** LowCardinality in the Native format: version of the state, and flags of a block that brings its whole dictionary. */
const SHARED_DICTIONARIES = 1
const WHOLE_DICTIONARY = (1 << 9) | (1 << 10)
/** ClickHouse's low_cardinality_max_dictionary_size. */
const MOST_DICTIONARY_KEYS = 8192

export interface BlockColumn {
  readonly name: string
  readonly type: string
}

/** The columns that a block of these fields declares, in its order. */
export function blockColumns(columns: readonly FieldName[]): BlockColumn[] {
  return fieldsOf(columns).map(({ name, column }) => ({ name, type: column }))
}

/** Columns of a block of evidence. */
export const EVIDENCE_COLUMNS: readonly BlockColumn[] = [
  { name: 'request_id', type: 'UUID' },
  { name: 'acknowledged', type: 'UInt8' },
  { name: 'batch', type: 'UInt32' },
]

const fieldsOf = (columns: readonly FieldName[]) => FIELDS.filter(({ name }) => columns.includes(name))

/** Writes rows of arenas as blocks of ClickHouse's Native format (columns one after another) into one reused buffer. */
export class NativeEncoder {
  private buffer = Buffer.allocUnsafeSlow(0)
  private used = 0
  private readonly fields: readonly Field[]
  private scratch = new ArrayBuffer(0)
  private readonly wide = new Map<FieldName, number>()

  constructor(columns: readonly FieldName[]) {
    this.fields = fieldsOf(columns)
  }

  /** The block of these rows, in their order. Valid until the next call. */
  encode(arena: RecordArena, rows: Uint32Array): Uint8Array {
    this.used = 0
    this.reserve(rows.length * BYTES_PER_ROW)
    this.header(this.fields.length, rows.length)
    if (this.scratch.byteLength < rows.length * 16) this.scratch = new ArrayBuffer(rows.length * 16)
    for (const field of this.fields) {
      this.column(field.name, field.column)
      const column = arena[field.name]
      if (field.kind === 'uuid') this.words(column as Uint32Array, rows, 4)
      else if (field.name === 'weight') this.words(column as Uint32Array, rows, 2)
      else if (field.name === 'ts_ms') this.milliseconds(column as Float64Array, rows)
      else if (field.kind === 'f64') this.floats(column as Float64Array, rows)
      else if (field.kind === 'u16') this.shorts(column as Uint16Array, rows)
      else if (field.kind === 'u32') this.words(column as Uint32Array, rows, 1)
      else if (field.column === 'String') this.strings(arena, column as Uint32Array, rows)
      else this.dictionary(field.name, arena, column as Uint32Array, rows)
    }
    return this.buffer.subarray(0, this.used)
  }

  /** LowCardinality columns that had more keys in a block than ClickHouse keeps in one dictionary, with the most of them. */
  wideColumns(): { name: FieldName; distinct: number }[] {
    return [...this.wide].map(([name, distinct]) => ({ name, distinct }))
  }

  private header(columns: number, rows: number): void {
    this.varint(columns)
    this.varint(rows)
  }

  private column(name: string, type: string): void {
    this.text(name)
    this.text(type)
  }

  private words(from: Uint32Array, rows: Uint32Array, stride: 1 | 2 | 4): void {
    const to = new Uint32Array(this.scratch, 0, rows.length * stride)
    if (stride === 1) for (let i = 0; i < rows.length; i++) to[i] = from[rows[i]]
    else
      for (let i = 0, t = 0; i < rows.length; i++)
        for (let f = rows[i] * stride, end = f + stride; f < end; ) to[t++] = from[f++]
    this.bytes(to)
  }

  private floats(from: Float64Array, rows: Uint32Array): void {
    const to = new Float64Array(this.scratch, 0, rows.length)
    for (let i = 0; i < rows.length; i++) to[i] = from[rows[i]]
    this.bytes(to)
  }

  private milliseconds(from: Float64Array, rows: Uint32Array): void {
    const to = new Uint32Array(this.scratch, 0, rows.length * 2)
    for (let i = 0; i < rows.length; i++) {
      const ms = from[rows[i]]
      const high = Math.floor(ms / 2 ** 32)
      to[2 * i] = ms - high * 2 ** 32
      to[2 * i + 1] = high
    }
    this.bytes(to)
  }

  private shorts(from: Uint16Array, rows: Uint32Array): void {
    const to = new Uint16Array(this.scratch, 0, rows.length)
    for (let i = 0; i < rows.length; i++) to[i] = from[rows[i]]
    this.bytes(to)
  }

  private strings(arena: RecordArena, codes: Uint32Array, rows: Uint32Array): void {
    const { starts, heap } = arena.strings
    for (let i = 0; i < rows.length; i++) this.string(heap, starts[codes[rows[i]]], starts[codes[rows[i]] + 1])
  }

  /** LowCardinality(String): the distinct texts once, then an index for each row. Cheaper here and at the insert. */
  private dictionary(name: FieldName, arena: RecordArena, codes: Uint32Array, rows: Uint32Array): void {
    const { starts, heap, count } = arena.strings
    const numbers = new Uint32Array(count)
    const keys: number[] = []
    const indexes = new Uint32Array(this.scratch, 0, rows.length)
    for (let i = 0; i < rows.length; i++) {
      const code = codes[rows[i]]
      if (numbers[code] === 0) numbers[code] = keys.push(code)
      indexes[i] = numbers[code] - 1
    }
    if (keys.length > Math.max(MOST_DICTIONARY_KEYS, this.wide.get(name) ?? 0)) this.wide.set(name, keys.length)
    const width = keys.length <= 256 ? 0 : keys.length <= 65_536 ? 1 : 2
    this.u64(SHARED_DICTIONARIES)
    this.u64(WHOLE_DICTIONARY | width)
    this.u64(keys.length)
    for (const code of keys) this.string(heap, starts[code], starts[code + 1])
    this.u64(rows.length)
    if (width === 0) this.bytes(new Uint8Array(indexes))
    else if (width === 1) this.bytes(new Uint16Array(indexes))
    else this.bytes(indexes)
  }

  private string(from: Uint8Array, start: number, end: number): void {
    const length = end - start
    this.reserve(length + 5)
    this.varint(length)
    const { buffer } = this
    let used = this.used
    if (length < 48) for (let i = start; i < end; i++) buffer[used++] = from[i]
    else {
      buffer.set(from.subarray(start, end), used)
      used += length
    }
    this.used = used
  }

  private text(text: string): void {
    const bytes = Buffer.from(text)
    this.string(bytes, 0, bytes.length)
  }

  private varint(value: number): void {
    this.reserve(5)
    while (value > 127) {
      this.buffer[this.used++] = (value & 127) | 128
      value >>>= 7
    }
    this.buffer[this.used++] = value
  }

  private u64(value: number): void {
    this.reserve(8)
    this.buffer.writeUInt32LE(value, this.used)
    this.buffer.writeUInt32LE(0, this.used + 4)
    this.used += 8
  }

  private bytes(values: Uint8Array | Uint16Array | Uint32Array | Float64Array): void {
    this.reserve(values.byteLength)
    this.buffer.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), this.used)
    this.used += values.byteLength
  }

  private reserve(bytes: number): void {
    if (this.used + bytes <= this.buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.used + bytes))
    this.buffer.copy(larger, 0, 0, this.used)
    this.buffer = larger
  }
}

/** The block of evidence of these rows; null where none has any. */
export function encodeEvidence(arena: RecordArena, rows: Uint32Array): { bytes: Uint8Array; rows: number } | null {
  const telling = withEvidence(arena, rows)
  const n = telling.length
  if (n === 0) return null
  const head = (name: string, type: string) =>
    Buffer.from([name.length, ...Buffer.from(name), type.length, ...Buffer.from(type)])
  const data = evidenceColumns(arena, telling).map((column) => Buffer.from(column.buffer))
  const columns = EVIDENCE_COLUMNS.flatMap(({ name, type }, i) => [head(name, type), data[i]])
  return { bytes: Buffer.concat([Buffer.from([EVIDENCE_COLUMNS.length]), varint(n), ...columns]), rows: n }
}

// Each loop over many rows in a function of its own: one that has several is compiled anew when it comes to the next.

function withEvidence({ evidence, batch }: RecordArena, rows: Uint32Array): Uint32Array {
  const telling = new Uint32Array(rows.length)
  let n = 0
  for (let i = 0; i < rows.length; i++) if (evidence[rows[i]] !== 0 || batch[rows[i]] !== 0) telling[n++] = rows[i]
  return telling.subarray(0, n)
}

function evidenceColumns({ request_id, evidence, batch: batches }: RecordArena, rows: Uint32Array) {
  const ids = new Uint32Array(rows.length * 4)
  const acknowledged = new Uint8Array(rows.length)
  const batch = new Uint32Array(rows.length)
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]
    for (let w = 0; w < 4; w++) ids[i * 4 + w] = request_id[row * 4 + w]
    acknowledged[i] = evidence[row] & 1
    batch[i] = batches[row]
  }
  return [ids, acknowledged, batch]
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128)
  return Buffer.from([...bytes, value])
}
