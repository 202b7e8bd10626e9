/** Usage records as a test wants them: plain values, written the way serde_json does. */
export interface TestRecord {
  readonly request_id: string
  readonly tenant_id: string
  readonly key_id: string
  readonly model: string
  readonly status_code: number
  readonly input_tokens: number
  readonly output_tokens: number
  readonly estimated_tokens: number
  readonly ttft_ms: number
  readonly total_ms: number
  readonly cache_status: string
  readonly cost_usd: number
  readonly ts_ms: number
  readonly request_type: string
}

/** Ids that tell of what they are, and the how manieth. */
export const uuid = (kind: number, n: number) =>
  `${kind.toString(16).padStart(8, '0')}-0000-4000-8000-${n.toString(16).padStart(12, '0')}`

/** 2026-03-10T22:00:00Z: two hours before a midnight. */
export const START_MS = Date.UTC(2026, 2, 10, 22)

/** The n-th record: no two have equal sums; two tenants, two models, an error now and then, both sides of a midnight. */
export function record(n: number, changes: Partial<TestRecord> = {}): TestRecord {
  return {
    request_id: uuid(1, n + 1),
    tenant_id: uuid(2, n % 2),
    key_id: uuid(3, n % 2),
    model: n % 3 === 0 ? 'gpt-large' : 'gpt-small',
    status_code: n % 7 === 6 ? 500 : 200,
    input_tokens: 1000 + n * n,
    output_tokens: 100 + 3 * n,
    estimated_tokens: 1100 + n,
    ttft_ms: 50 + n,
    total_ms: 500 + 2 * n,
    cache_status: n % 5 === 0 ? 'hit' : 'miss',
    cost_usd: (1 + n) / 1024,
    ts_ms: START_MS + (n % 20) * 720_000 + n,
    request_type: 'chat',
    ...changes,
  }
}

/** A line as the gateway writes it, without its end. */
export function lineOf(r: TestRecord): string {
  const float = (value: number) => (Number.isInteger(value) ? `${value}.0` : String(value))
  return (
    `{"request_id":"${r.request_id}","tenant_id":"${r.tenant_id}","key_id":"${r.key_id}","model":${JSON.stringify(r.model)},` +
    `"admission":"fast","weight":1,"input_tokens":${r.input_tokens},"output_tokens":${r.output_tokens},` +
    `"estimated_tokens":${r.estimated_tokens},"queue_wait_ms":0,"ttft_ms":${r.ttft_ms},"total_ms":${r.total_ms},` +
    `"status_code":${r.status_code},"cache_status":"${r.cache_status}","cost_usd":${float(r.cost_usd)},"energy_wh":0.5,` +
    `"energy_cost_usd":0.25,"co2_g":0.125,"ts_ms":${r.ts_ms},"session_id":"","session_id_source":"",` +
    `"request_type":"${r.request_type}","device_id":""}`
  )
}

/** Path of a segment below the pods' folder, as a gateway names it. */
export const SEGMENT = 'router-0/telemetry.wal.segments/01773180000000000000-0b0f5a3c-7f6e-4f60-9f06-8f3a4a0d9c11.jsonl'

/** Records of a batch; the gateway's own size. */
export const BATCH = 500

/** Records batch by batch, in their order. */
export function batches(records: readonly TestRecord[], size = BATCH): TestRecord[][] {
  return Array.from({ length: Math.ceil(records.length / size) }, (_, i) => records.slice(size * i, size * (i + 1)))
}

/** Batches as they stand in a segment: lines, then a blank one. */
export function segment(batches: readonly (readonly TestRecord[])[]): string {
  return batches.map((batch) => `${batch.map((r) => `${lineOf(r)}\n`).join('')}\n`).join('')
}

/** A statement by which a gateway inserts a batch, through the view. */
export function insertOf(batch: readonly TestRecord[]): string {
  const rows = batch.map(
    (r) =>
      `('${r.request_id}', '${r.tenant_id}', '${r.key_id}', '${r.model}', 'fast', 1, ${r.input_tokens}, ${r.output_tokens}, ` +
      `${r.estimated_tokens}, 0, ${r.ttft_ms}, ${r.total_ms}, ${r.status_code}, '${r.cache_status}', ${r.cost_usd}, 0.5, 0.25, ` +
      `0.125, ${r.ts_ms}, '', '', '${r.request_type}', '')`,
  )
  return `INSERT INTO obleth.usage (request_id, tenant_id, key_id, model, admission, weight, input_tokens, output_tokens,
    estimated_tokens, queue_wait_ms, ttft_ms, total_ms, status_code, cache_status, cost_usd, energy_wh, energy_cost_usd,
    co2_g, ts_ms, session_id, session_id_source, request_type, device_id) SETTINGS async_insert = 0,
    insert_deduplication_token = '${batch[0].request_id}-${batch.length}' VALUES ${rows.join(', ')}`
}

/** The integer sums of the rollup, group by group, worked out from records: `day tenant key model` → sums. */
export function rollupOf(records: readonly TestRecord[]): Record<string, string> {
  const groups = new Map<string, bigint[]>()
  for (const r of records) {
    if (r.request_type === 'benchmark') continue
    const key = [new Date(r.ts_ms).toISOString().slice(0, 10), r.tenant_id, r.key_id, r.model].join(' ')
    const ok = r.status_code >= 200 && r.status_code < 400
    const add = [
      1,
      ok ? 1 : 0,
      r.status_code >= 400 ? 1 : 0,
      r.input_tokens,
      r.output_tokens,
      r.estimated_tokens,
      r.cache_status === 'hit' ? 1 : 0,
      r.cache_status === 'miss' ? 1 : 0,
      ok ? r.ttft_ms : 0,
      ok ? r.total_ms : 0,
    ]
    const sums = groups.get(key) ?? add.map(() => 0n)
    groups.set(
      key,
      sums.map((sum, i) => sum + BigInt(add[i])),
    )
  }
  return Object.fromEntries([...groups].map(([key, sums]) => [key, sums.join(' ')]))
}

/** The same, asked of a ledger; groups whose sums are all zero are left out. */
export const ROLLUP_SQL = `SELECT concat(toString(day), ' ', toString(tenant_id), ' ', toString(key_id), ' ', model) AS key,
  concat(toString(sum(requests)), ' ', toString(sum(success_requests)), ' ', toString(sum(error_requests)), ' ',
    toString(sum(input_tokens)), ' ', toString(sum(output_tokens)), ' ', toString(sum(estimated_tokens)), ' ',
    toString(sum(cache_hits)), ' ', toString(sum(cache_misses)), ' ', toString(sum(ttft_ms_sum)), ' ',
    toString(sum(total_ms_sum))) AS sums
  FROM obleth.usage_daily GROUP BY day, tenant_id, key_id, model HAVING sum(requests) != 0`
