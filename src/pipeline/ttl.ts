import type { TargetOptions } from '../domain/options.js'
import type { Expiring, TtlOutcome } from '../domain/ttl.js'
import { inspectTarget, type UsageState } from '../ledger/inspect-target.js'
import type { Ledger } from '../ledger/ledger.js'
import { cutoffOf, expiringBefore, setTtl, ttlOf } from '../ledger/table-ttl.js'
import { withLedger } from '../ledger/with-ledger.js'

const NOTHING: Expiring = { rows: 0, days: 0, fromMs: null, toMs: null }

/** The TTL of a ledger, and what it is about to drop. Throws what the connection throws. */
export function ttlShow(target: TargetOptions, retentionDays: number): Promise<TtlOutcome> {
  return withLedger(target, async (ledger, _state, usage) => {
    const ttl = ttlOf(usage)
    const expiring = ttl?.cutoffMs == null ? NOTHING : await expiringBefore(ledger, ttl.cutoffMs)
    return { ...aboutOf(ledger, usage), ttl, expiring, retentionDays }
  })
}

/**
 * Sets the TTL once `confirm` says so, having been told what it would drop; without its consent nothing is changed and the
 * outcome is as it would be. Throws what `setTtl` throws.
 */
export function ttlSet(
  target: TargetOptions,
  days: number,
  retentionDays: number,
  nowMs: number,
  confirm: (found: TtlOutcome) => Promise<boolean>,
): Promise<TtlOutcome & { readonly changed: boolean }> {
  return withLedger(target, async (ledger, _state, usage) => {
    const expiring = await expiringBefore(ledger, cutoffOf(days, nowMs))
    const found = { ...aboutOf(ledger, usage), ttl: ttlOf(usage), expiring, retentionDays }
    if (!(await confirm(found))) return { ...found, changed: false }
    return { ...found, ttl: await setTtl(ledger, usage, days, () => inspectTarget(ledger)), changed: true }
  })
}

function aboutOf({ kind, location, database }: Ledger, { rows }: UsageState) {
  return { target: { kind, location, database }, rows }
}
