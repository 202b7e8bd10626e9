import type { Model, Population, Tenant } from './population.js'
import type { Random } from './random.js'

/** One usage record: its 23 fields with the gateway's types, times in unix ms, money in USD. */
export interface UsageRecord {
  request_id: string
  tenant_id: string
  key_id: string
  model: string
  admission: string
  weight: number
  input_tokens: number
  output_tokens: number
  estimated_tokens: number
  queue_wait_ms: number
  ttft_ms: number
  total_ms: number
  status_code: number
  cache_status: string
  cost_usd: number
  energy_wh: number
  energy_cost_usd: number
  co2_g: number
  ts_ms: number
  session_id: string
  session_id_source: string
  request_type: string
  device_id: string
}

/** Shares (0 to 1) of the kinds of traffic, and lengths. */
export interface Traffic {
  /** Requests turned away by a limit: no tokens, no cost. */
  readonly rejectedShare: number
  /** Requests that an upstream failed. */
  readonly failedShare: number
  readonly benchmarkShare: number
  readonly healthProbeShare: number
  /** Records with text beyond ASCII and escapes. */
  readonly unicodeShare: number
  /** Least length of a session id. */
  readonly sessionBytes: number
}

const NIL_UUID = '00000000-0000-0000-0000-000000000000'

const UNICODE_TEXT = ['gespräch-größe', 'セッション-東京', 'séance "A\\B"', 'чат-😀', 'line\u2028end', 'tab\tand\u0001']

/** Makes a request that completed at `tsMs`, as the newest gateways describe it. */
export function makeRecord(random: Random, population: Population, traffic: Traffic, tsMs: number): UsageRecord {
  const kind = random.unit()
  if (kind < traffic.healthProbeShare) return makeProbe(random, population, tsMs)
  const synthetic = kind < traffic.healthProbeShare + traffic.benchmarkShare
  const tenant = synthetic ? population.synthetic : random.favour(population.tenants)
  const model = random.favour(population.models)
  const record = makeServed(random, tenant, model, tsMs)
  if (synthetic) record.request_type = 'benchmark'
  else if (random.chance(traffic.rejectedShare)) reject(random, record)
  else if (random.chance(traffic.failedShare)) record.status_code = random.pick([500, 502, 504])
  if (!synthetic && random.chance(0.4)) {
    record.session_id = random.uuid().padEnd(traffic.sessionBytes, '.x')
    record.session_id_source = random.pick(['header', 'derived'])
  }
  if (random.chance(traffic.unicodeShare)) record.session_id = `${random.pick(UNICODE_TEXT)}-${random.between(0, 9999)}`
  return record
}

function makeServed(random: Random, tenant: Tenant, model: Model, tsMs: number): UsageRecord {
  const queued = random.chance(0.15)
  const input = random.between(5, 200) * random.between(1, 20)
  const output = model.requestType === 'embedding' ? 0 : random.between(1, 60) * random.between(1, 20)
  const ttft = random.between(40, 900)
  const energy = (input * 0.2 + output) * model.whPerToken
  return {
    request_id: random.uuid(),
    tenant_id: tenant.id,
    key_id: random.favour(tenant.keys),
    model: model.name,
    admission: queued ? 'queued' : random.chance(0.02) ? 'brownout' : 'fast',
    weight: random.pick([1, 50, 100, 100, 100]),
    input_tokens: input,
    output_tokens: output,
    estimated_tokens: input + 600,
    queue_wait_ms: queued ? random.between(1, 900) : 0,
    ttft_ms: ttft,
    total_ms: ttft + output * random.between(4, 14),
    status_code: 200,
    cache_status: random.pick(['off', 'off', 'miss', 'hit']),
    cost_usd: (input / 1e6) * model.inputPrice + (output / 1e6) * model.outputPrice,
    energy_wh: energy,
    energy_cost_usd: energy * 0.00012,
    co2_g: energy * 0.387,
    ts_ms: tsMs,
    session_id: '',
    session_id_source: '',
    request_type: model.requestType,
    device_id: random.chance(0.1) ? `dev-${random.between(100, 999)}` : '',
  }
}

/** Turns a served request into one that was turned away. */
function reject(random: Random, record: UsageRecord): void {
  record.admission = 'rejected'
  record.status_code = random.pick([429, 429, 403])
  record.output_tokens = 0
  record.input_tokens = 0
  record.ttft_ms = 0
  record.total_ms = 0
  record.queue_wait_ms = 0
  record.cache_status = 'off'
  record.cost_usd = 0
  record.energy_wh = 0
  record.energy_cost_usd = 0
  record.co2_g = 0
}

/** A health probe, booked under the nil tenant. */
function makeProbe(random: Random, population: Population, tsMs: number): UsageRecord {
  const record = makeServed(random, { id: NIL_UUID, keys: [NIL_UUID] }, random.pick(population.models), tsMs)
  record.request_type = 'health_probe'
  record.input_tokens = 4
  record.output_tokens = 1
  record.cost_usd = 0
  return record
}
