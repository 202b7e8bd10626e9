import type { RecordArena } from '../domain/arena.js'
import { hashId } from '../order/index.js'

/** Beyond this many, further tenants are not told apart: memory must not grow with the input. */
const MOST_TENANTS = 100_000

interface Tenant {
  /** In the arena's layout, see RecordArena. */
  readonly id: Uint32Array
  records: number
}

/** Records of each tenant, as `inspect` lists them: copies included. */
export class TenantCounts {
  /** By the hash of the id, or the next number where that belongs to another tenant. */
  private readonly tenants = new Map<number, Tenant>()

  add(arena: RecordArena): void {
    const ids = arena.tenant_id
    for (let row = 0; row < arena.rows; row++) this.count(ids, row * 4)
  }

  /** Most records first. */
  list(): { tenantId: string; records: number }[] {
    return [...this.tenants.values()]
      .map(({ id, records }) => ({ tenantId: uuidText(id), records }))
      .sort((a, b) => b.records - a.records || (a.tenantId < b.tenantId ? -1 : 1))
  }

  private count(ids: Uint32Array, at: number): void {
    for (let key = hashId(ids, at); ; key++) {
      const tenant = this.tenants.get(key)
      if (tenant === undefined) {
        if (this.tenants.size < MOST_TENANTS) this.tenants.set(key, { id: ids.slice(at, at + 4), records: 1 })
        return
      }
      const { id } = tenant
      if (id[0] === ids[at] && id[1] === ids[at + 1] && id[2] === ids[at + 2] && id[3] === ids[at + 3]) {
        tenant.records++
        return
      }
    }
  }
}

function uuidText(words: Uint32Array): string {
  const hex = [1, 0, 3, 2].map((i) => words[i].toString(16).padStart(8, '0')).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
