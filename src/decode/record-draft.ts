import type { RecordArena } from '../domain/arena.js'
import { FIELDS, type FieldName } from '../domain/record.js'
import { INDEX } from './fields.js'
import { readHyphenated, UUID_LENGTH } from './uuid.js'

const ABSENT_TEXT = FIELDS.map(({ kind, absent }) =>
  kind === 'string' ? Buffer.from(String(absent ?? '')) : Buffer.alloc(0),
)

/** One record's values while it is not known yet whether it will be accepted; indexed by position in FIELDS. */
export class RecordDraft {
  readonly numbers = new Float64Array(FIELDS.length)
  readonly integers: bigint[] = FIELDS.map(() => 0n)
  private readonly uuids = new Uint32Array(FIELDS.length * 4)
  private readonly texts: Uint8Array[] = FIELDS.map(() => new Uint8Array(0))
  private readonly starts = new Uint32Array(FIELDS.length)
  private readonly ends = new Uint32Array(FIELDS.length)

  /** Takes a hyphenated UUID. */
  setUuid(field: number, text: string): void {
    const bytes = Buffer.from(text, 'latin1')
    readHyphenated(new DataView(bytes.buffer, bytes.byteOffset, UUID_LENGTH), 0, this.uuids, field * 4)
  }

  setText(field: number, bytes: Uint8Array, start: number, end: number): void {
    this.texts[field] = bytes
    this.starts[field] = start
    this.ends[field] = end
  }

  setInteger(field: number, value: bigint): void {
    this.integers[field] = value
    this.numbers[field] = Number(value)
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
    const weight = BigInt.asUintN(64, this.integers[INDEX.weight])
    arena.weight[2 * row] = Number(weight & 0xffff_ffffn)
    arena.weight[2 * row + 1] = Number(weight >> 32n)
  }
}

type Column = Uint32Array | Uint16Array | Float64Array

function column(arena: RecordArena, name: FieldName): Column {
  return arena[name]
}
