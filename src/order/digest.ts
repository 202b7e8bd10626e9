import type { RecordArena } from '../domain/arena.js'

/** Words of all numeric columns, as far as they go into a digest. */
interface Words {
  readonly cost: Uint32Array
  readonly energy: Uint32Array
  readonly energyCost: Uint32Array
  readonly co2: Uint32Array
}

/**
 * 64-bit digests of everything but the request id, by which a copy is known to be the same in every field. Two different
 * versions of one record pass as equal with a chance of 2^-64 for each such pair; the 128-bit id itself is compared
 * whole. Texts go in by the two hashes that the arena's string pool holds of each.
 */
export class Digests {
  private readonly words: Words

  constructor(private readonly arena: RecordArena) {
    const words = (column: Float64Array) => new Uint32Array(column.buffer, column.byteOffset, column.length * 2)
    this.words = {
      cost: words(arena.cost_usd),
      energy: words(arena.energy_wh),
      energyCost: words(arena.energy_cost_usd),
      co2: words(arena.co2_g),
    }
  }

  /** Writes the two words of a row's digest; the first is never 0. */
  of(row: number, into: Uint32Array): void {
    const { arena, words } = this
    const { crc, mix } = arena.strings
    let a = 0x2545f491
    let b = 0x9e3779b9
    const add = (value: number) => {
      a = Math.imul(a ^ value, 0x85ebca6b)
      a ^= a >>> 15
      b = Math.imul(b + value, 0xc2b2ae35)
      b ^= b >>> 13
    }
    const text = (code: number) => {
      add(crc[code])
      add(mix[code])
    }
    const [two, four] = [row * 2, row * 4]
    for (let i = four; i < four + 4; i++) {
      add(arena.tenant_id[i])
      add(arena.key_id[i])
    }
    text(arena.model[row])
    text(arena.admission[row])
    add(arena.weight[two])
    add(arena.weight[two + 1])
    add(arena.input_tokens[row])
    add(arena.output_tokens[row])
    add(arena.estimated_tokens[row])
    add(arena.queue_wait_ms[row])
    add(arena.ttft_ms[row])
    add(arena.total_ms[row])
    add(arena.status_code[row])
    text(arena.cache_status[row])
    add(words.cost[two])
    add(words.cost[two + 1])
    add(words.energy[two])
    add(words.energy[two + 1])
    add(words.energyCost[two])
    add(words.energyCost[two + 1])
    add(words.co2[two])
    add(words.co2[two + 1])
    add((arena.ts_ms[row] % 2 ** 32) | 0)
    add(arena.ts_ms[row] / 2 ** 32)
    text(arena.session_id[row])
    text(arena.session_id_source[row])
    text(arena.request_type[row])
    text(arena.device_id[row])
    into[0] = a === 0 ? 1 : a
    into[1] = b
  }
}
