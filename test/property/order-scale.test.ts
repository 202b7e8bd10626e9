import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Kernel } from '../../src/kernel/index.js'
import { Orderer } from '../../src/order/orderer.js'
import { ALL } from './order-records.js'

const RECORDS = 2_000_000
const COPIED = 10
const MEMORY = 64 << 20
const texts = ['gpt', 'llama', 'fast', 'queued', 'off', 'chat'].map((text) => Buffer.from(text))

/** Record n, every field of it made of n alone. */
function fill(kernel: Kernel, n: number): void {
  const { arena } = kernel
  const row = arena.rows++
  const code = (text: number) => arena.strings.intern(texts[text], 0, texts[text].length)
  for (let w = 0; w < 4; w++) {
    arena.request_id[row * 4 + w] = Math.imul(Math.imul(n + 1, 0x9e3779b1) ^ (n >>> 7), 0x85ebca6b + w * 2)
    arena.tenant_id[row * 4 + w] = n % 20
    arena.key_id[row * 4 + w] = n % 60
  }
  // Unlike the words above, this one tells every n apart.
  arena.request_id[row * 4] = n
  arena.weight[row * 2] = 1
  arena.weight[row * 2 + 1] = 0
  arena.input_tokens[row] = n % 5000
  for (const name of ['output_tokens', 'estimated_tokens', 'queue_wait_ms', 'ttft_ms', 'total_ms'] as const)
    arena[name][row] = n % 997
  arena.status_code[row] = 200
  for (const name of ['cost_usd', 'energy_wh', 'energy_cost_usd', 'co2_g'] as const) arena[name][row] = n / 1024
  arena.ts_ms[row] = 1_749_945_600_000 + n * 40
  arena.model[row] = code(n % 2)
  arena.admission[row] = code(2 + (n % 2))
  arena.cache_status[row] = code(4)
  arena.request_type[row] = code(5)
  for (const name of ['session_id', 'session_id_source', 'device_id'] as const) arena[name][row] = 0
  arena.evidence[row] = 0
  arena.batch[row] = 0
  kernel.digest(row)
}

it('orders two million records and their copies within 64 MiB', async () => {
  const spoolDir = mkdtempSync(join(tmpdir(), 'obleth-order-scale-'))
  try {
    const before = process.memoryUsage().arrayBuffers
    let most = 0
    const orderer = new Orderer(
      { memoryBytes: MEMORY, spoolDir, columns: ALL, filter: { tenants: [] }, encode: true, expectedRecords: RECORDS },
      () => {
        most = Math.max(most, process.memoryUsage().arrayBuffers - before)
      },
    )
    const add = async (n: number) => {
      fill(orderer.kernel, n)
      if (orderer.kernel.arena.rows === orderer.kernel.arena.capacity) await orderer.accept()
    }
    for (let n = 0; n < RECORDS; n++) {
      await add(n)
      // Of one record in ten a copy comes much later.
      if (n >= RECORDS / 2 && n % (COPIED / 2) === 0) await add(n - RECORDS / 2)
    }
    const summary = await orderer.finish()
    expect(summary).toMatchObject({
      accepted: RECORDS + RECORDS / COPIED,
      sent: RECORDS,
      copies: RECORDS / COPIED,
      conflictCopies: 0,
    })
    expect(summary.spilledRows).toBeGreaterThan(RECORDS / 4)
    // Each bucket's rows and first sum, which are those of the ids' first words, added up modulo 2^32.
    const buckets = summary.tally.entries
    expect(buckets.reduce((sum, { rows }) => sum + rows, 0)).toBe(RECORDS)
    const words = buckets.reduce((sum, { sums }) => sum + sums[0], 0n)
    expect(words % 2n ** 32n).toBe(((BigInt(RECORDS) * BigInt(RECORDS - 1)) / 2n) % 2n ** 32n)
    expect(most).toBeLessThan(MEMORY)
  } finally {
    rmSync(spoolDir, { recursive: true, force: true })
  }
})
