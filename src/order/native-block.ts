import type { RecordArena } from '../domain/arena.js'
import { FIELDS, type Field, type FieldName } from '../domain/record.js'
import type { Kernel } from '../kernel/index.js'

/** Bytes of a value, by the kind of its field. */
const WIDTH = { uuid: 16, i64: 8, f64: 8, u32: 4, u16: 2 } as const
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

/** Writes rows of the kernel's arena as blocks of ClickHouse's Native format (columns one after another) into its memory. */
export class NativeEncoder {
  private readonly buffer: Buffer
  private used = 0
  private readonly fields: readonly Field[]
  private readonly wide = new Map<FieldName, number>()

  constructor(
    private readonly kernel: Kernel,
    columns: readonly FieldName[],
  ) {
    this.buffer = kernel.block
    this.fields = fieldsOf(columns)
  }

  /** The block of these rows, in their order. Valid until the next call. */
  encode(rows: Uint32Array): Uint8Array {
    const { kernel } = this
    const { arena } = kernel
    this.used = 0
    this.varint(this.fields.length)
    this.varint(rows.length)
    for (const field of this.fields) {
      this.text(field.name)
      this.text(field.column)
      const column = arena[field.name]
      if (field.kind === 'string' && field.column !== 'String')
        this.dictionary(field.name, arena, column as Uint32Array, rows)
      else if (field.kind === 'string') this.used = kernel.gatherTexts(column as Uint32Array, rows, this.used)
      else if (field.name === 'ts_ms') this.used = kernel.gatherIntegers(arena.ts_ms, rows, this.used)
      else this.used = kernel.gather(column, WIDTH[field.kind], rows, this.used)
    }
    return this.buffer.subarray(0, this.used)
  }

  /** LowCardinality columns that had more keys in a block than ClickHouse keeps in one dictionary, with the most of them. */
  wideColumns(): { name: FieldName; distinct: number }[] {
    return [...this.wide].map(([name, distinct]) => ({ name, distinct }))
  }

  /** LowCardinality(String): the distinct texts once, then an index for each row. Cheaper here and at the insert. */
  private dictionary(name: FieldName, arena: RecordArena, codes: Uint32Array, rows: Uint32Array): void {
    const { starts, heap, count } = arena.strings
    const numbers = new Uint32Array(count)
    const keys: number[] = []
    const indexes = new Uint32Array(rows.length)
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
    this.varint(end - start)
    this.bytes(from.subarray(start, end))
  }

  private text(text: string): void {
    const bytes = Buffer.from(text)
    this.string(bytes, 0, bytes.length)
  }

  private varint(value: number): void {
    while (value > 127) {
      this.buffer[this.used++] = (value & 127) | 128
      value >>>= 7
    }
    this.buffer[this.used++] = value
  }

  private u64(value: number): void {
    this.buffer.writeUInt32LE(value, this.used)
    this.buffer.writeUInt32LE(0, this.used + 4)
    this.used += 8
  }

  private bytes(values: Uint8Array | Uint16Array | Uint32Array): void {
    this.buffer.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), this.used)
    this.used += values.byteLength
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
