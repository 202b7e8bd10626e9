import type { Readable } from 'node:stream'
import { ClickHouseError, parseError } from '@clickhouse/client'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'

const PORTION_ROWS = 5_000

/**
 * Rows of a JSONEachRow answer, in portions. Throws what the server wrote in place of a row (an exception inside the
 * body of an answer that began well), and where the answer ends inside a row.
 */
export async function* jsonRows<Row>(body: AsyncIterable<Uint8Array>): AsyncIterable<Row[]> {
  let rest = Buffer.alloc(0)
  let rows: Row[] = []
  for await (const chunk of body) {
    const bytes = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk])
    let from = 0
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, from)) {
      rows.push(parseRow<Row>(bytes, from, end))
      from = end + 1
      if (rows.length === PORTION_ROWS) {
        yield rows
        rows = []
      }
    }
    rest = bytes.subarray(from)
  }
  if (rest.length > 0) rows.push(parseRow<Row>(rest, 0, rest.length))
  if (rows.length > 0) yield rows
}

function parseRow<Row>(bytes: Buffer, from: number, end: number): Row {
  if (bytes[from] === 0x7b) {
    try {
      return JSON.parse(bytes.toString('utf8', from, end)) as Row
    } catch {
      // falls through: what stands here is no row
    }
  }
  throw notAnAnswer(bytes.toString('utf8', from))
}

/** The exception that a text of the server tells, in today's form or that of versions before 20.5; undefined for others. */
export function exceptionIn(text: string): ClickHouseError | undefined {
  const error = parseError(text)
  if (error instanceof ClickHouseError) return error
  const old = /Code: (\d+), e\.displayText\(\) = DB::Exception: (.*?)(?:, e\.what\(\)|$)/s.exec(text)
  return old === null ? undefined : new ClickHouseError({ code: old[1], message: old[2], type: 'UNKNOWN' })
}

/** The error that a text says, which stands where rows or nothing should stand. */
export function notAnAnswer(text: string): Error {
  const exception = exceptionIn(text)
  if (exception !== undefined) return exception
  return new LedgerError('target_failed', `the answer is not ClickHouse's: ${printable(text.slice(0, 200))}`)
}

export async function textOf(body: Readable): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of body) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('utf8')
}
