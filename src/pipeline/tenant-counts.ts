import type { RecordArena } from '../domain/arena.js'

/** Beyond this many, further tenants are not told apart: memory must not grow with the input. */
const MOST_TENANTS = 100_000

/** Records of each tenant, as `inspect` lists them: copies included. */
export class TenantCounts {
  private readonly counts = new Map<string, number>()

  add(arena: RecordArena): void {
    for (let row = 0; row < arena.rows; row++) {
      const id = uuidText(arena.tenant_id, row * 4)
      const count = this.counts.get(id)
      if (count !== undefined || this.counts.size < MOST_TENANTS) this.counts.set(id, (count ?? 0) + 1)
    }
  }

  /** Most records first. */
  list(): { tenantId: string; records: number }[] {
    return [...this.counts]
      .map(([tenantId, records]) => ({ tenantId, records }))
      .sort((a, b) => b.records - a.records || (a.tenantId < b.tenantId ? -1 : 1))
  }
}

/** Text of a UUID in the arena's layout, see RecordArena. */
function uuidText(words: Uint32Array, at: number): string {
  const hex = [1, 0, 3, 2].map((i) => words[at + i].toString(16).padStart(8, '0')).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
