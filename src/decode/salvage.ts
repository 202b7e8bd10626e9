import type { QuarantineReason } from '../domain/wal.js'
import { indexOfByte, isBlank, OPEN_BRACE } from './bytes.js'
import type { CarefulReader } from './careful-reader.js'

/** A stretch of a line: bytes[start, end), which begins at `offset` of the file. */
export interface Piece {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  readonly offset: number
  readonly line: number
}

export type Found =
  /** A whole record; the reader holds it until the next one is asked for. */
  | { readonly kind: 'record'; readonly start: number; readonly end: number }
  | {
      readonly kind: 'rejected'
      readonly start: number
      readonly end: number
      readonly reason: QuarantineReason
      readonly detail: string
    }

/** Bytes that may be read for each byte of a stretch: a line of a million braces must not be read a million times. */
const READ_PER_BYTE = 8
const READ_AT_LEAST = 1 << 16

/**
 * Finds the whole records on a line that is not one record: a torn fragment with a record glued to it, several records,
 * records among garbage. What is a JSON value but no acceptable record is passed over whole, so that nothing inside it is
 * taken for a record.
 */
export class Salvage {
  constructor(private readonly reader: CarefulReader) {}

  /** `closed`: more stands behind the piece; otherwise a broken end of it is a torn tail. */
  *search(piece: Piece, closed: boolean): Iterable<Found> {
    const { bytes, start, end } = piece
    const { reader } = this
    let budget = READ_AT_LEAST + READ_PER_BYTE * (end - start)
    let rejectedFrom = start
    let why: { reason: QuarantineReason; detail: string } | null = null
    let values = 0
    for (let at = start; at < end && budget > 0; ) {
      const brace = at === start ? start : indexOfByte(bytes, OPEN_BRACE, at, end)
      if (brace === -1) break
      const reading = reader.read(bytes, brace, end)
      const stop = Math.max(reader.position, brace + 1)
      budget -= stop - brace
      if (reading === 'record') {
        if (!isBlank(bytes, rejectedFrom, brace))
          yield { kind: 'rejected', start: rejectedFrom, end: brace, ...reasonOf(why, values) }
        yield { kind: 'record', start: brace, end: stop }
        rejectedFrom = stop
        why = null
        values = 0
        at = stop
      } else {
        if (why === null && reader.failure !== null) why = reader.failure
        if (reading === 'value') values++
        at = reading === 'value' ? stop : brace + 1
      }
    }
    if (isBlank(bytes, rejectedFrom, end)) return
    const torn = !closed && values === 0
    const reason = torn
      ? { reason: 'truncated_tail' as const, detail: 'the file ends within a record' }
      : reasonOf(why, values)
    yield { kind: 'rejected', start: rejectedFrom, end, ...reason }
  }
}

function reasonOf(why: { reason: QuarantineReason; detail: string } | null, values: number) {
  if (values > 1)
    return { reason: 'multiple_values' as const, detail: `${values} JSON values on one line, none a record` }
  return why ?? { reason: 'json_syntax' as const, detail: 'a fragment of a record' }
}
