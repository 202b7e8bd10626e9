import type { UsageRecord } from './record.js'
import { f64Text, stringText } from './serde-text.js'

/**
 * Which release of the gateway wrote a line. `oldest` knew neither cache, cost, energy, sessions, request types nor
 * devices; `middle` neither energy nor devices; `current` writes all 23 fields; `newest` two more that nobody else knows.
 */
export type Generation = 'oldest' | 'middle' | 'current' | 'newest'

export const GENERATIONS: readonly Generation[] = ['oldest', 'middle', 'current', 'newest']

/** The fields that only the newest gateway writes. */
export const UNKNOWN_FIELDS = ['cache_saved_tokens', 'upstream_region']

/**
 * Gives the fields that a gateway did not write the value that a reader puts in their place.
 * @param record changed in place
 */
export function asWrittenBy(record: UsageRecord, generation: Generation): UsageRecord {
  if (generation === 'oldest' || generation === 'middle') {
    record.energy_wh = 0
    record.energy_cost_usd = 0
    record.co2_g = 0
    record.session_id_source = ''
    record.device_id = ''
  }
  if (generation === 'oldest') {
    record.cache_status = 'off'
    record.cost_usd = 0
    record.session_id = ''
    record.request_type = ''
  }
  return record
}

/** The record as that gateway's serde_json writes it, without the line end. */
export function lineOf(r: UsageRecord, generation: Generation): string {
  const head =
    `{"request_id":"${r.request_id}","tenant_id":"${r.tenant_id}","key_id":"${r.key_id}","model":${stringText(r.model)}` +
    `,"admission":"${r.admission}","weight":${r.weight},"input_tokens":${r.input_tokens},"output_tokens":${r.output_tokens}` +
    `,"estimated_tokens":${r.estimated_tokens},"queue_wait_ms":${r.queue_wait_ms},"ttft_ms":${r.ttft_ms}` +
    `,"total_ms":${r.total_ms},"status_code":${r.status_code}`
  if (generation === 'oldest') return `${head},"ts_ms":${r.ts_ms}}`
  const session = `"session_id":${stringText(r.session_id)}`
  if (generation === 'middle')
    return `${head},"cache_status":"${r.cache_status}","cost_usd":${f64Text(r.cost_usd)},"ts_ms":${r.ts_ms},${session},"request_type":"${r.request_type}"}`
  const saved = generation === 'newest' ? `,"cache_saved_tokens":${r.cache_status === 'hit' ? r.input_tokens : 0}` : ''
  const region = generation === 'newest' ? ',"upstream_region":"eu-central"' : ''
  return (
    `${head},"cache_status":"${r.cache_status}"${saved},"cost_usd":${f64Text(r.cost_usd)},"energy_wh":${f64Text(r.energy_wh)}` +
    `,"energy_cost_usd":${f64Text(r.energy_cost_usd)},"co2_g":${f64Text(r.co2_g)},"ts_ms":${r.ts_ms},${session}` +
    `,"session_id_source":"${r.session_id_source}","request_type":"${r.request_type}","device_id":"${r.device_id}"${region}}`
  )
}

/**
 * The same record as another program would have written it: fields turned around, a space behind commas. Valid JSON
 * that a reader made for serde_json's own spelling must take the slow way for.
 */
export function respelled(line: string): string {
  // A quote inside a string stands behind a backslash and no string of ours ends in a comma: `,"` starts a field.
  const fields = line.slice(1, -1).split(/,(?=")/)
  return `{${fields.reverse().join(', ')}}`
}
