import type { AuditOutcome } from '../domain/audit.js'
import type { TargetOptions } from '../domain/options.js'
import { rollupShape } from '../ledger/rollup-shape.js'
import { withLedger } from '../ledger/with-ledger.js'
import { findDuplicates } from './duplicates.js'
import { ABSENT, countRollupOnlyDays, findDrift } from './rollup.js'
import { findOddRows } from './rows.js'

/**
 * Looks for what is wrong with a ledger and changes nothing. `nowMs`: what counts as future and as past retention.
 * Throws `source_not_found` where there is no ledger, and the errors of the connection.
 */
export async function audit(target: TargetOptions, retentionDays: number, nowMs: number): Promise<AuditOutcome> {
  return await withLedger(target, async (ledger, state, usage) => {
    const { kind, location, database } = ledger
    const shape = rollupShape(state)
    const rollupOnly = shape === null ? 0 : await countRollupOnlyDays(ledger)
    return {
      target: { kind, location, database, version: state.version },
      rows: usage.rows,
      findings: [
        ...(await findDuplicates(ledger, usage.columns.present)),
        ...(shape === null ? [ABSENT] : await findDrift(ledger, shape)),
        ...(await findOddRows(ledger, usage, retentionDays, nowMs)),
      ],
      notes: [
        'looked at the ledger alone: what WAL files hold besides, and silences in the traffic, are not judged',
        'trace spans are not in the WAL: whether spans is whole cannot be told',
        ...(rollupOnly === 0 ? [] : [`rollup only: ${rollupOnly} days of usage_daily are older than usage`]),
      ],
    }
  })
}
