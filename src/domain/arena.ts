import { StringPool, type Texts } from './string-pool.js'

/**
 * Decoded records, a column per field, in typed arrays that are filled, used and reset many times: what the decode
 * stage hands to the order stage. Reuse keeps page faults away, columns make sorting and encoding cheap.
 *
 * UUIDs are stored as four little-endian 32-bit words in the layout of ClickHouse's Native format: the two 64-bit
 * halves each byte-swapped, high half first. For text bytes b0..b15: word 0 = BE(b4..b7), word 1 = BE(b0..b3),
 * word 2 = BE(b12..b15), word 3 = BE(b8..b11). Text order is (word 1, word 0, word 3, word 2), unsigned.
 */
export class RecordArena {
  /** Records held now; columns are valid for rows [0, rows). */
  rows = 0

  readonly request_id: Uint32Array
  readonly tenant_id: Uint32Array
  readonly key_id: Uint32Array
  /** Int64 as two little-endian words, low first. */
  readonly weight: Uint32Array
  readonly input_tokens: Uint32Array
  readonly output_tokens: Uint32Array
  readonly estimated_tokens: Uint32Array
  readonly queue_wait_ms: Uint32Array
  readonly ttft_ms: Uint32Array
  readonly total_ms: Uint32Array
  readonly status_code: Uint16Array
  readonly cost_usd: Float64Array
  readonly energy_wh: Float64Array
  readonly energy_cost_usd: Float64Array
  readonly co2_g: Float64Array
  /** Unix ms; always an integer within [MIN_TS_MS, MAX_TS_MS), so a double holds it exactly. */
  readonly ts_ms: Float64Array

  /** String columns hold codes into `strings`. */
  readonly strings: Texts
  readonly model: Uint32Array
  readonly admission: Uint32Array
  readonly cache_status: Uint32Array
  readonly session_id: Uint32Array
  readonly session_id_source: Uint32Array
  readonly request_type: Uint32Array
  readonly device_id: Uint32Array

  /** Bits of {@link EVIDENCE_ACKNOWLEDGED}. */
  readonly evidence: Uint8Array
  /** Number of the candidate batch (see WalFile.candidateBatch) that the record belongs to, 0 where none. */
  readonly batch: Uint32Array

  /** Two words by which copies are told from versions, the first never 0 (see `kernel/assembly/digest.ts`). */
  readonly digest: Uint32Array

  constructor(
    /** Most records it holds. */
    readonly capacity: number,
    { column, strings }: ArenaMemory = onHeap(),
  ) {
    this.request_id = column('request_id', Uint32Array, capacity * 4)
    this.tenant_id = column('tenant_id', Uint32Array, capacity * 4)
    this.key_id = column('key_id', Uint32Array, capacity * 4)
    this.weight = column('weight', Uint32Array, capacity * 2)
    this.input_tokens = column('input_tokens', Uint32Array, capacity)
    this.output_tokens = column('output_tokens', Uint32Array, capacity)
    this.estimated_tokens = column('estimated_tokens', Uint32Array, capacity)
    this.queue_wait_ms = column('queue_wait_ms', Uint32Array, capacity)
    this.ttft_ms = column('ttft_ms', Uint32Array, capacity)
    this.total_ms = column('total_ms', Uint32Array, capacity)
    this.status_code = column('status_code', Uint16Array, capacity)
    this.cost_usd = column('cost_usd', Float64Array, capacity)
    this.energy_wh = column('energy_wh', Float64Array, capacity)
    this.energy_cost_usd = column('energy_cost_usd', Float64Array, capacity)
    this.co2_g = column('co2_g', Float64Array, capacity)
    this.ts_ms = column('ts_ms', Float64Array, capacity)
    this.strings = strings
    this.model = column('model', Uint32Array, capacity)
    this.admission = column('admission', Uint32Array, capacity)
    this.cache_status = column('cache_status', Uint32Array, capacity)
    this.session_id = column('session_id', Uint32Array, capacity)
    this.session_id_source = column('session_id_source', Uint32Array, capacity)
    this.request_type = column('request_type', Uint32Array, capacity)
    this.device_id = column('device_id', Uint32Array, capacity)
    this.evidence = column('evidence', Uint8Array, capacity)
    this.batch = column('batch', Uint32Array, capacity)
    this.digest = column('digest', Uint32Array, capacity * 2)
  }

  /** Empties it for the next records; the memory stays. */
  reset(): void {
    this.rows = 0
    this.strings.reset()
  }
}

/**
 * The record stood, on a line that obleth's serde accepts, before a usable checkpoint of a file that is no `.corrupt`
 * file: the ledger of that time had acknowledged it, so it went through the rollup view once.
 */
export const EVIDENCE_ACKNOWLEDGED = 1

/** Makes an array of one kind; typed arrays' constructors are such. */
interface ArrayKind<Values> {
  new (length: number): Values
  new (buffer: ArrayBuffer, byteOffset: number, length: number): Values
}

/** Where an arena's columns and texts are. */
export interface ArenaMemory {
  column<Values>(name: string, Type: ArrayKind<Values>, length: number): Values
  readonly strings: Texts
}

function onHeap(): ArenaMemory {
  return { column: (_, Type, length) => new Type(length), strings: new StringPool() }
}
