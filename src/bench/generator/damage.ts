import type { QuarantineReason } from '../../domain/wal.js'
import type { WrittenRecord } from './wal-file.js'

/** Ways in which a whole line is no record that obleth wrote. Each takes a healthy line. */
export const BAD_LINES: readonly { readonly reason: QuarantineReason; of(line: string): Buffer }[] = [
  // The disk was full: half a record, and later batches went on in the next line.
  { reason: 'json_syntax', of: (line) => tornPrefix(line, 0.6) },
  { reason: 'invalid_utf8', of: (line) => withByte(line, '"model":"', 0xff) },
  { reason: 'duplicate_key', of: (line) => swap(line, '"output_tokens":', '"input_tokens":7,"output_tokens":') },
  { reason: 'out_of_range', of: (line) => swap(line, /"status_code":\d+/, '"status_code":70000') },
  { reason: 'missing_field', of: (line) => swap(line, /"estimated_tokens":\d+,/, '') },
  { reason: 'null_value', of: (line) => swap(line, /"input_tokens":\d+/, '"input_tokens":null') },
  { reason: 'bad_uuid', of: (line) => swap(line, /"tenant_id":"....../, '"tenant_id":"xxxxxx') },
  { reason: 'type_mismatch', of: (line) => swap(line, /"total_ms":(\d+)/, '"total_ms":"$1"') },
  { reason: 'lone_surrogate', of: (line) => swap(line, '"model":"', '"model":"\\ud83d') },
  // Microseconds where milliseconds belong.
  { reason: 'ts_out_of_range', of: (line) => swap(line, /"ts_ms":(\d+)/, '"ts_ms":$1000') },
]

/**
 * The beginning of a line: what a crash leaves behind.
 * @param share of the line, above 0 and below 1
 */
export function tornPrefix(line: string, share: number): Buffer {
  const bytes = Buffer.from(line)
  // Cut within what is ASCII in every line, so that the rest is damaged as JSON and not as UTF-8 as well.
  let end = Math.max(20, Math.min(bytes.length - 1, Math.floor(bytes.length * share)))
  while (bytes[end] >= 0x80) end--
  return bytes.subarray(0, end)
}

/**
 * The record with a float that was not finite: serde_json writes null, and reads 0 back.
 * @returns the same one where its gateway wrote no cost
 */
export function withNullCost(written: WrittenRecord): WrittenRecord {
  if (written.generation === 'oldest') return written
  const line = written.line.replace(/"cost_usd":[^,}]+/, '"cost_usd":null')
  return { ...written, line, record: { ...written.record, cost_usd: 0 }, repaired: true }
}

function swap(line: string, from: string | RegExp, to: string): Buffer {
  const swapped = line.replace(from, to)
  if (swapped === line) throw new Error(`the line holds no ${from}`)
  return Buffer.from(swapped)
}

function withByte(line: string, behind: string, byte: number): Buffer {
  const bytes = Buffer.from(line)
  const at = bytes.indexOf(behind) + behind.length
  return Buffer.concat([bytes.subarray(0, at), Buffer.of(byte), bytes.subarray(at)])
}
