import type { RecordArena } from '../domain/arena.js'
import { FIELDS, type FieldName } from '../domain/record.js'
import { INDEX } from './fields.js'
import { readAnySpelling } from './uuid.js'

const ABSENT_TEXT = FIELDS.map(({ kind, absent }) =>
  kind === 'string' ? Buffer.from(String(absent ?? '')) : Buffer.alloc(0),
)

/** One record's values while it is not known yet whether it will be accepted; indexed by position in FIELDS. */
export class RecordDraft {
  readonly numbers = new Float64Array(FIELDS.length)
  /** The low and the high word of each integer, in two's complement. */
  private readonly words = new Uint32Array(FIELDS.length * 2)
  private readonly uuids = new Uint32Array(FIELDS.length * 4)
  private readonly texts: Uint8Array[] = FIELDS.map(() => new Uint8Array(0))
  private readonly starts = new Uint32Array(FIELDS.length)
  private readonly ends = new Uint32Array(FIELDS.length)

  /** Takes a UUID in any spelling; false where bytes[start, end) is none. */
  setUuid(field: number, bytes: Uint8Array, start: number, end: number): boolean {
    return readAnySpelling(bytes, start, end, this.uuids, field * 4)
  }

  setText(field: number, bytes: Uint8Array, start: number, end: number): void {
    this.texts[field] = bytes
    this.starts[field] = start
    this.ends[field] = end
  }

  setInteger(field: number, value: bigint): void {
    const bits = BigInt.asUintN(64, value)
    this.words[2 * field] = Number(bits & 0xffff_ffffn)
    this.words[2 * field + 1] = Number(bits >> 32n)
    this.numbers[field] = Number(value)
  }

  /** The same for an integer from 0 to 2^53. */
  setSmallInteger(field: number, value: number): void {
    this.words[2 * field] = value
    this.words[2 * field + 1] = Math.floor(value / 2 ** 32)
    this.numbers[field] = value
  }

  /** An integer as it was read, for messages. */
  integer(field: number): bigint {
    return BigInt.asIntN(64, (BigInt(this.words[2 * field + 1]) << 32n) | BigInt(this.words[2 * field]))
  }

  /** Puts the defaults of the optional fields of this mask in place. */
  fillAbsent(mask: number): void {
    for (let field = 0; field < FIELDS.length; field++) {
      if ((mask & (1 << field)) === 0) continue
      const { kind, absent } = FIELDS[field]
      if (kind === 'string') this.setText(field, ABSENT_TEXT[field], 0, ABSENT_TEXT[field].length)
      else this.numbers[field] = Number(absent ?? 0)
    }
  }

  store(arena: RecordArena, row: number): void {
    for (let field = 0; field < FIELDS.length; field++) {
      const { name, kind } = FIELDS[field]
      if (name === 'weight') continue
      switch (kind) {
        case 'uuid':
          for (let i = 0; i < 4; i++) column(arena, name)[row * 4 + i] = this.uuids[field * 4 + i]
          break
        case 'string':
          column(arena, name)[row] = arena.strings.intern(this.texts[field], this.starts[field], this.ends[field])
          break
        default:
          column(arena, name)[row] = this.numbers[field]
      }
    }
    arena.weight[2 * row] = this.words[2 * INDEX.weight]
    arena.weight[2 * row + 1] = this.words[2 * INDEX.weight + 1]
  }
}

type Column = Uint32Array | Uint16Array | Float64Array

function column(arena: RecordArena, name: FieldName): Column {
  return arena[name]
}
