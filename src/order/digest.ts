import type { RecordArena } from '../domain/arena.js'

/**
 * 64-bit digests of everything but the request id, by which a copy is known to be the same in every field. Two different
 * versions of one record pass as equal with a chance of 2^-64 for each such pair; the 128-bit id itself is compared
 * whole. Of a text each half takes in one of the two hashes that the arena's string pool holds of it.
 *
 * Written out field by field: this runs for every record, and a loop over the fields took five times as long.
 */
export class Digests {
  private readonly cost: Uint32Array
  private readonly energy: Uint32Array
  private readonly energyCost: Uint32Array
  private readonly co2: Uint32Array

  constructor(private readonly arena: RecordArena) {
    const words = (column: Float64Array) => new Uint32Array(column.buffer, column.byteOffset, column.length * 2)
    this.cost = words(arena.cost_usd)
    this.energy = words(arena.energy_wh)
    this.energyCost = words(arena.energy_cost_usd)
    this.co2 = words(arena.co2_g)
  }

  /** Writes the two words of a row's digest; the first is never 0. */
  of(row: number, into: Uint32Array): void {
    const { arena, cost, energy, energyCost, co2 } = this
    const { tenant_id, key_id, weight } = arena
    const { crc, mix } = arena.strings
    const two = row * 2
    const four = row * 4
    const ts = arena.ts_ms[row]
    const tsHigh = Math.floor(ts / 2 ** 32)
    const tsLow = (ts - tsHigh * 2 ** 32) | 0
    const small = arena.status_code[row]

    let a = first(0x2545f491, tenant_id[four])
    a = first(first(first(a, tenant_id[four + 1]), tenant_id[four + 2]), tenant_id[four + 3])
    a = first(first(first(first(a, key_id[four]), key_id[four + 1]), key_id[four + 2]), key_id[four + 3])
    a = first(first(a, weight[two]), weight[two + 1])
    a = first(first(first(a, arena.input_tokens[row]), arena.output_tokens[row]), arena.estimated_tokens[row])
    a = first(first(first(a, arena.queue_wait_ms[row]), arena.ttft_ms[row]), arena.total_ms[row])
    a = first(first(first(a, small), tsLow), tsHigh)
    a = first(first(first(first(a, cost[two]), cost[two + 1]), energy[two]), energy[two + 1])
    a = first(first(first(first(a, energyCost[two]), energyCost[two + 1]), co2[two]), co2[two + 1])
    a = first(first(first(a, crc[arena.model[row]]), crc[arena.admission[row]]), crc[arena.cache_status[row]])
    a = first(first(a, crc[arena.session_id[row]]), crc[arena.session_id_source[row]])
    a = first(first(a, crc[arena.request_type[row]]), crc[arena.device_id[row]])

    let b = second(0x1e3779b9, tenant_id[four])
    b = second(second(second(b, tenant_id[four + 1]), tenant_id[four + 2]), tenant_id[four + 3])
    b = second(second(second(second(b, key_id[four]), key_id[four + 1]), key_id[four + 2]), key_id[four + 3])
    b = second(second(b, weight[two]), weight[two + 1])
    b = second(second(second(b, arena.input_tokens[row]), arena.output_tokens[row]), arena.estimated_tokens[row])
    b = second(second(second(b, arena.queue_wait_ms[row]), arena.ttft_ms[row]), arena.total_ms[row])
    b = second(second(second(b, small), tsLow), tsHigh)
    b = second(second(second(second(b, cost[two]), cost[two + 1]), energy[two]), energy[two + 1])
    b = second(second(second(second(b, energyCost[two]), energyCost[two + 1]), co2[two]), co2[two + 1])
    b = second(second(second(b, mix[arena.model[row]]), mix[arena.admission[row]]), mix[arena.cache_status[row]])
    b = second(second(b, mix[arena.session_id[row]]), mix[arena.session_id_source[row]])
    b = second(second(b, mix[arena.request_type[row]]), mix[arena.device_id[row]])

    into[0] = a === 0 ? 1 : a
    into[1] = b
  }
}

/** One step of either half; each is a bijection of the value, so that one changed value always changes the half. */
function first(state: number, value: number): number {
  const mixed = Math.imul(state ^ value, 0x85ebca6b)
  return mixed ^ (mixed >>> 15)
}

function second(state: number, value: number): number {
  const mixed = Math.imul((state + (value | 0)) | 0, 0xc2b2ae35)
  return mixed ^ (mixed >>> 13)
}
