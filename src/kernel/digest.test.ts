import { describe, expect, it } from 'vitest'
import { arenaOf, type PlainRecord, plainRecord, random } from '../../test/property/order-records.js'

function digestsOf(records: readonly PlainRecord[]): string[] {
  const { digest } = arenaOf(records.map((record) => ({ record, evidence: 0, batch: 0 })))
  return records.map((_, n) => `${digest[2 * n]} ${digest[2 * n + 1]}`)
}

const base: PlainRecord = { ...plainRecord(random(4), 1_749_945_600_000), session_id: 's', device_id: '' }

describe('digests', () => {
  it('sees the least change in any field but the id, in both halves', () => {
    const changes: Partial<PlainRecord>[] = [
      { tenant_id: base.tenant_id.replace(/.$/, 'f') },
      { key_id: base.key_id.replace(/^./, 'f') },
      { model: `${base.model} ` },
      { admission: '' },
      { weight: base.weight + 1n },
      { weight: base.weight ^ (1n << 62n) },
      { input_tokens: base.input_tokens ^ 1 },
      { output_tokens: (base.output_tokens ^ 0x80000000) >>> 0 },
      { estimated_tokens: base.estimated_tokens + 1 },
      { queue_wait_ms: base.queue_wait_ms + 1 },
      { ttft_ms: base.ttft_ms + 1 },
      { total_ms: base.total_ms + 1 },
      { status_code: base.status_code + 1 },
      { cache_status: 'HIT' },
      { cost_usd: base.cost_usd + 2 ** -60 },
      { energy_wh: -base.energy_wh },
      { energy_cost_usd: -0 },
      { co2_g: 0 },
      { ts_ms: base.ts_ms + 1 },
      { session_id: '', device_id: 's' },
      { session_id: 't' },
      { session_id_source: 'body' },
      { request_type: 'Chat' },
      { device_id: 'd' },
      // Values that change places.
      { input_tokens: base.output_tokens, output_tokens: base.input_tokens },
    ]
    const digests = digestsOf([base, ...changes.map((change) => ({ ...base, ...change }))])
    for (const half of [0, 1]) {
      const halves = digests.map((digest) => digest.split(' ')[half])
      expect(new Set(halves).size).toBe(changes.length + 1)
    }
    const [same] = digestsOf([{ ...base, request_id: 'ffffffff-0000-0000-0000-000000000000' }])
    expect(same).toBe(digests[0])
  })

  it('does not depend on the place in the arena, nor on what else is there', () => {
    const next = random(6)
    const others = Array.from({ length: 1023 }, (_, n) => ({
      ...plainRecord(next, 1_749_945_600_000 + n),
      session_id: `other-${n}`,
    }))
    expect(digestsOf([...others, base]).at(-1)).toBe(digestsOf([base])[0])
    expect(new Set(digestsOf(others)).size).toBe(others.length)
  })
})
