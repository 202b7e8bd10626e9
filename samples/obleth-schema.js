/** The 23 columns of `usage` that a record fills, with their ClickHouse types. */
export const USAGE_COLUMNS = Object.freeze({
  request_id: 'UUID',
  tenant_id: 'UUID',
  key_id: 'UUID',
  model: 'String',
  admission: 'LowCardinality(String)',
  weight: 'Int64',
  input_tokens: 'UInt32',
  output_tokens: 'UInt32',
  estimated_tokens: 'UInt32',
  queue_wait_ms: 'UInt32',
  ttft_ms: 'UInt32',
  total_ms: 'UInt32',
  status_code: 'UInt16',
  cache_status: "LowCardinality(String) DEFAULT 'off'",
  cost_usd: 'Float64 DEFAULT 0',
  energy_wh: 'Float64 DEFAULT 0',
  energy_cost_usd: 'Float64 DEFAULT 0',
  co2_g: 'Float64 DEFAULT 0',
  ts_ms: 'Int64',
  session_id: "String DEFAULT ''",
  session_id_source: "LowCardinality(String) DEFAULT ''",
  request_type: "LowCardinality(String) DEFAULT ''",
  device_id: "String DEFAULT ''",
})

/** The sums of `usage_daily`, as its view works them out. */
export const ROLLUP_SUMS = Object.freeze({
  requests: 'count()',
  success_requests: 'countIf(status_code >= 200 AND status_code < 400)',
  error_requests: 'countIf(status_code >= 400)',
  input_tokens: 'sum(input_tokens)',
  output_tokens: 'sum(output_tokens)',
  estimated_tokens: 'sum(estimated_tokens)',
  cache_hits: "countIf(cache_status = 'hit')",
  cache_misses: "countIf(cache_status = 'miss')",
  ttft_ms_sum: 'sumIf(ttft_ms, status_code >= 200 AND status_code < 400)',
  total_ms_sum: 'sumIf(total_ms, status_code >= 200 AND status_code < 400)',
  cost_usd_sum: 'sum(cost_usd)',
  energy_wh_sum: 'sum(energy_wh)',
  energy_cost_usd_sum: 'sum(energy_cost_usd)',
  co2_g_sum: 'sum(co2_g)',
})

/** What usage_daily's rows are summed over. */
export const ROLLUP_GROUP = Object.freeze(['day', 'tenant_id', 'key_id', 'model'])

/** @returns {string[]} the columns of `usage_daily` that hold whole numbers */
export const ROLLUP_INTEGERS = Object.keys(ROLLUP_SUMS).filter((name) => !isFloat(name))

/** Sums over all of `usage`, as expected.json words them, those of benchmarks included. */
export const TOTAL_SQL = `
  SELECT count() AS requests, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
    sum(estimated_tokens) AS estimated_tokens, sum(cost_usd) AS cost_usd_sum, sum(energy_wh) AS energy_wh_sum,
    sum(energy_cost_usd) AS energy_cost_usd_sum, sum(co2_g) AS co2_g_sum FROM obleth.usage`

/** Merged rows of `usage_daily`, in the order in which expected.json has them. */
export const ROLLUP_SQL = `
  SELECT ${ROLLUP_GROUP.join(', ')}, ${Object.keys(ROLLUP_SUMS)
    .map((name) => `sum(${name}) AS ${name}`)
    .join(', ')}
  FROM obleth.usage_daily GROUP BY ${ROLLUP_GROUP.join(', ')}
  ORDER BY day, toString(tenant_id), toString(key_id), model`

/** @param {string} name @returns {boolean} */
function isFloat(name) {
  return /^(cost_usd|energy_wh|energy_cost_usd|co2_g)_sum$/.test(name)
}

/**
 * obleth's ledger on an empty server: database `obleth`, its tables and the view between them, and the mark that says
 * that the rollup needs no backfill. Written down here a second time on purpose: what checks the tool must not lean on it.
 * @returns {string[]} statements in order
 */
export function oblethSchema() {
  const columns = Object.entries(USAGE_COLUMNS).map(([name, type]) => `${name} ${type}`)
  const sums = Object.keys(ROLLUP_SUMS).map((name) => `${name} ${isFloat(name) ? 'Float64' : 'UInt64'}`)
  const selected = Object.entries(ROLLUP_SUMS).map(([name, sql]) => `${sql} AS ${name}`)
  return [
    'CREATE DATABASE obleth',
    `CREATE TABLE obleth.usage (${columns.join(', ')}, ts DateTime64(3) MATERIALIZED fromUnixTimestamp64Milli(ts_ms),
     INDEX idx_ts_ms ts_ms TYPE minmax GRANULARITY 4)
     ENGINE = MergeTree PARTITION BY toYYYYMMDD(ts) ORDER BY (tenant_id, ts_ms)
     SETTINGS non_replicated_deduplication_window = 10000`,
    `CREATE TABLE obleth.usage_daily (day Date, tenant_id UUID, key_id UUID, model String, ${sums.join(', ')})
     ENGINE = SummingMergeTree PARTITION BY toYYYYMM(day) ORDER BY (${ROLLUP_GROUP.join(', ')})
     SETTINGS non_replicated_deduplication_window = 10000`,
    `CREATE TABLE obleth.usage_meta (key String, value String, updated_at DateTime64(3) DEFAULT now64(3))
     ENGINE = ReplacingMergeTree(updated_at) ORDER BY (key, value)`,
    `CREATE MATERIALIZED VIEW obleth.usage_daily_mv TO obleth.usage_daily AS
     SELECT toDate(ts) AS day, tenant_id, key_id, model, ${selected.join(', ')}
     FROM obleth.usage WHERE request_type != 'benchmark' GROUP BY day, tenant_id, key_id, model`,
    "INSERT INTO obleth.usage_meta (key, value) VALUES ('backfilled_v1', '1')",
  ]
}

/**
 * JSONL files of records into `usage`, the view firing. Defaults fill what a line lacks.
 * @param {string} files path or pattern that ClickHouse understands
 * @param {{ clauses?: string, settings?: string }} [how] clauses behind FROM; further settings
 * @returns {string}
 */
export function insertJsonl(files, { clauses = '', settings = '' } = {}) {
  const names = Object.keys(USAGE_COLUMNS).join(', ')
  const structure = Object.entries(USAGE_COLUMNS).map(([name, type]) => `${name} ${type}`)
  return `INSERT INTO obleth.usage (${names})
    SELECT ${names} FROM file(${literal(files)}, JSONEachRow, ${literal(structure.join(', '))}) ${clauses}
    ${settings === '' ? '' : `SETTINGS ${settings}`}`
}

/** @param {string} text @returns {string} as a ClickHouse string */
function literal(text) {
  return `'${text.replace(/[\\']/g, '\\$&')}'`
}
