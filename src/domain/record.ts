/**
 * The usage record: its 23 fields, in the order in which obleth's serde_json writes them and its ClickHouse table
 * declares them. This table is the single source of names, types and defaults; decoders, block encoder, schema
 * check and SQL are derived from it. Source: obleth's UsageRecord struct and its `usage` DDL.
 */

/** How a field is typed in the gateway's struct. A value outside its type is not a record that obleth wrote. */
export type FieldKind = 'uuid' | 'string' | 'i64' | 'u32' | 'u16' | 'f64'

export interface Field {
  readonly name: FieldName
  readonly kind: FieldKind
  /** Column type in `usage`. */
  readonly column: string
  /** DEFAULT expression of the column, or null where it has none. */
  readonly columnDefault: string | null
  /** What serde puts in place of an absent field; undefined where the field is required. */
  readonly absent: string | number | undefined
}

export type FieldName =
  | 'request_id'
  | 'tenant_id'
  | 'key_id'
  | 'model'
  | 'admission'
  | 'weight'
  | 'input_tokens'
  | 'output_tokens'
  | 'estimated_tokens'
  | 'queue_wait_ms'
  | 'ttft_ms'
  | 'total_ms'
  | 'status_code'
  | 'cache_status'
  | 'cost_usd'
  | 'energy_wh'
  | 'energy_cost_usd'
  | 'co2_g'
  | 'ts_ms'
  | 'session_id'
  | 'session_id_source'
  | 'request_type'
  | 'device_id'

function field(
  name: FieldName,
  kind: FieldKind,
  column: string,
  absent?: string | number,
  columnDefault: string | null = null,
): Field {
  return { name, kind, column, columnDefault, absent }
}

export const FIELDS: readonly Field[] = [
  field('request_id', 'uuid', 'UUID'),
  field('tenant_id', 'uuid', 'UUID'),
  field('key_id', 'uuid', 'UUID'),
  field('model', 'string', 'String'),
  field('admission', 'string', 'LowCardinality(String)'),
  field('weight', 'i64', 'Int64'),
  field('input_tokens', 'u32', 'UInt32'),
  field('output_tokens', 'u32', 'UInt32'),
  field('estimated_tokens', 'u32', 'UInt32'),
  field('queue_wait_ms', 'u32', 'UInt32'),
  field('ttft_ms', 'u32', 'UInt32'),
  field('total_ms', 'u32', 'UInt32'),
  field('status_code', 'u16', 'UInt16'),
  field('cache_status', 'string', 'LowCardinality(String)', 'off', "'off'"),
  field('cost_usd', 'f64', 'Float64', 0, '0'),
  field('energy_wh', 'f64', 'Float64', 0, '0'),
  field('energy_cost_usd', 'f64', 'Float64', 0, '0'),
  field('co2_g', 'f64', 'Float64', 0, '0'),
  field('ts_ms', 'i64', 'Int64'),
  field('session_id', 'string', 'String', '', "''"),
  field('session_id_source', 'string', 'LowCardinality(String)', '', "''"),
  field('request_type', 'string', 'LowCardinality(String)', '', "''"),
  field('device_id', 'string', 'String', '', "''"),
]

/** Rows of this type are kept in `usage` and left out of `usage_daily` (obleth's view). */
export const BENCHMARK_REQUEST_TYPE = 'benchmark'

/** `ts_ms` outside [MIN_TS_MS, MAX_TS_MS) is not a time in ms: seconds and microseconds end up there. */
export const MIN_TS_MS = Date.UTC(2015, 0, 1)
export const MAX_TS_MS = Date.UTC(2100, 0, 1)
export const DAY_MS = 86_400_000

/** A line longer than this, in bytes, is quarantined as oversize; obleth itself refuses batches above 1 MiB. */
export const MAX_LINE_BYTES = 32 * 1024 * 1024

/** obleth's batch limits: a drain reads at most this many records and bytes at once. */
export const BATCH_MAX_RECORDS = 500
export const BATCH_MAX_BYTES = 1024 * 1024
