import type { RecordArena } from '../domain/arena.js'
import { FIELDS } from '../domain/record.js'

type Column = Uint32Array | Uint16Array | Float64Array | Uint8Array

interface CopiedColumn {
  readonly name: keyof RecordArena
  readonly stride: number
  readonly text: boolean
}

/** Every column of an arena, with the values that a row has in it. */
const COLUMNS: readonly CopiedColumn[] = [
  ...FIELDS.map(({ name, kind }) => ({
    name,
    stride: kind === 'uuid' ? 4 : name === 'weight' ? 2 : 1,
    text: kind === 'string',
  })),
  { name: 'digest', stride: 2, text: false },
  { name: 'evidence', stride: 1, text: false },
  { name: 'batch', stride: 1, text: false },
]

/** Appends a row of one arena to another, which must have room. */
export function copyRow(from: RecordArena, row: number, to: RecordArena): void {
  copyRows(from, Uint32Array.of(row), to)
}

/**
 * Appends rows of one arena to another, which must have room; a column at a time, which is quicker than row by row.
 * `known`: what became of the texts of `from` in earlier calls for the same two arenas, neither of which was emptied since;
 * worth its while where rows are many, for few values come again and again.
 */
export function copyRows(from: RecordArena, rows: Uint32Array, to: RecordArena, known?: KnownCodes): void {
  const target = to.rows
  for (const { name, stride, text } of COLUMNS) {
    const source = from[name] as Column
    const sink = to[name] as Column
    if (text) copyTexts(from, source as Uint32Array, rows, to, sink as Uint32Array, known?.codes)
    else if (source.BYTES_PER_ELEMENT < 4) copyValues(source, rows, sink, target)
    else copyWords(wordsOf(source), rows, wordsOf(sink), target, (stride * source.BYTES_PER_ELEMENT) / 4)
  }
  to.rows = target + rows.length
}

/** The codes that texts of one arena have in another's, where they are known; 0 where not. */
export class KnownCodes {
  readonly codes: Uint32Array

  constructor(from: RecordArena) {
    this.codes = new Uint32Array(from.strings.count)
  }

  /** For another arena that the same one is copied to. */
  forget(): void {
    this.codes.fill(0)
  }
}

function copyValues(source: Column, rows: Uint32Array, sink: Column, target: number): void {
  for (let i = 0; i < rows.length; i++) sink[target + i] = source[rows[i]]
}

/** All wider columns as words, doubles included: a loop that meets one kind of array is several times as fast. */
const wordsOf = (column: Column): Uint32Array =>
  new Uint32Array(column.buffer, column.byteOffset, column.byteLength / 4)

function copyWords(source: Uint32Array, rows: Uint32Array, sink: Uint32Array, target: number, stride: number): void {
  for (let i = 0, at = target * stride; i < rows.length; i++)
    for (let word = rows[i] * stride, end = word + stride; word < end; word++) sink[at++] = source[word]
}

function copyTexts(
  from: RecordArena,
  source: Uint32Array,
  rows: Uint32Array,
  to: RecordArena,
  sink: Uint32Array,
  known: Uint32Array | undefined,
): void {
  const { heap, starts } = from.strings
  for (let i = 0; i < rows.length; i++) {
    const code = source[rows[i]]
    let its = known?.[code] ?? 0
    if (its === 0 && code !== 0) {
      its = to.strings.intern(heap, starts[code], starts[code + 1])
      if (known !== undefined) known[code] = its
    }
    sink[to.rows + i] = its
  }
}

/** An arena's rows as bytes, for a spill file: counts, columns, texts. */
export function dumpArena(arena: RecordArena): Buffer[] {
  const { strings, rows } = arena
  const head = Uint32Array.of(rows, strings.count, strings.heapUsed)
  const columns = COLUMNS.map(({ name, stride }) => (arena[name] as Column).subarray(0, rows * stride))
  const texts = [strings.starts.subarray(0, strings.count + 1), strings.heap.subarray(0, strings.heapUsed)]
  return [head, ...columns, ...texts].map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength))
}

/** Bytes of the counts in front of a dump, and of what follows them. */
export const DUMP_HEAD_BYTES = 12

export function dumpBodyBytes(head: Buffer, arena: RecordArena): number {
  const [rows, count, heapUsed] = [head.readUInt32LE(0), head.readUInt32LE(4), head.readUInt32LE(8)]
  const columns = COLUMNS.reduce((sum, { name, stride }) => sum + (arena[name] as Column).BYTES_PER_ELEMENT * stride, 0)
  return rows * columns + (count + 1) * 4 + heapUsed
}

/** Fills an arena of at least as many rows from a dump, in place of what it held. */
export function loadArena(head: Buffer, body: Buffer, into: RecordArena): void {
  const [rows, count, heapUsed] = [head.readUInt32LE(0), head.readUInt32LE(4), head.readUInt32LE(8)]
  into.reset()
  let at = 0
  const take = (to: Uint8Array) => {
    to.set(body.subarray(at, at + to.length))
    at += to.length
  }
  for (const { name, stride } of COLUMNS) {
    const column = into[name] as Column
    take(new Uint8Array(column.buffer, column.byteOffset, rows * stride * column.BYTES_PER_ELEMENT))
  }
  const starts = new Uint32Array(count + 1)
  take(new Uint8Array(starts.buffer))
  const heap = body.subarray(at, at + heapUsed)
  const codes = new Uint32Array(count)
  for (let code = 0; code < count; code++) codes[code] = into.strings.intern(heap, starts[code], starts[code + 1])
  for (const { name, text } of COLUMNS) {
    if (!text) continue
    const column = into[name] as Uint32Array
    for (let row = 0; row < rows; row++) column[row] = codes[column[row]]
  }
  into.rows = rows
}
