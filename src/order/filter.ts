import type { RecordArena } from '../domain/arena.js'

/** What of the input is wanted. Times are unix ms. */
export interface RecordFilter {
  /** Half-open window. */
  readonly sinceMs?: number | undefined
  readonly untilMs?: number | undefined
  /** Lower-case hyphenated ids; empty means all. */
  readonly tenants: readonly string[]
  /** Records older than this would expire at once; they are counted apart. */
  readonly dropBeforeMs?: number | undefined
}

export type Verdict = 'kept' | 'filtered' | 'expired'

/** A filter as a function on the rows of arenas. */
export function recordFilter(filter: RecordFilter): (arena: RecordArena, row: number) => Verdict {
  const { sinceMs = -Infinity, untilMs = Infinity, dropBeforeMs = -Infinity } = filter
  const tenants = new Set(filter.tenants.map(tenantWords))
  return (arena, row) => {
    const ts = arena.ts_ms[row]
    if (ts < sinceMs || ts >= untilMs) return 'filtered'
    if (tenants.size > 0) {
      const at = row * 4
      if (!tenants.has(arena.tenant_id.subarray(at, at + 4).join())) return 'filtered'
    }
    return ts < dropBeforeMs ? 'expired' : 'kept'
  }
}

/** The four words of a UUID in the arena's layout. */
function tenantWords(id: string): string {
  const bytes = Buffer.from(id.replaceAll('-', ''), 'hex')
  return [4, 0, 12, 8].map((at) => bytes.readUInt32BE(at)).join()
}
