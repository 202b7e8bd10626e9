import type { AuditOutcome } from '../domain/audit.js'
import { LedgerError } from '../domain/errors.js'
import type { TargetOptions } from '../domain/options.js'
import { connect } from '../ledger/connect.js'
import { inspectTarget } from '../ledger/inspect-target.js'
import { rollupShape } from '../ledger/rollup-shape.js'
import { findDuplicates } from './duplicates.js'
import { ABSENT, countRollupOnlyDays, findDrift } from './rollup.js'
import { findOddRows } from './rows.js'

/**
 * Looks for what is wrong with a ledger and changes nothing. `nowMs`: what counts as future and as past retention.
 * Throws `source_not_found` where there is no ledger, and the errors of the connection.
 */
export async function audit(target: TargetOptions, retentionDays: number, nowMs: number): Promise<AuditOutcome> {
  const ledger = await connect(target)
  try {
    const state = await inspectTarget(ledger)
    const { kind, location, database } = ledger
    if (state.usage === null)
      throw new LedgerError('source_not_found', `there is no ledger: database ${database} has no table usage`, {
        place: location,
        hint: 'name the ledger with --clickhouse-url or --embedded; obleth-ledger replay rebuilds one',
      })
    const shape = rollupShape(state)
    const rollupOnly = shape === null ? 0 : await countRollupOnlyDays(ledger)
    return {
      target: { kind, location, database, version: state.version },
      rows: state.usage.rows,
      findings: [
        ...(await findDuplicates(ledger, state.usage.rows)),
        ...(shape === null ? [ABSENT] : await findDrift(ledger, shape)),
        ...(await findOddRows(ledger, state.usage, retentionDays, nowMs)),
      ],
      notes: [
        'trace spans are not in the WAL: whether spans is whole cannot be told',
        ...(rollupOnly === 0 ? [] : [`rollup only: ${rollupOnly} days of usage_daily are older than usage`]),
      ],
    }
  } finally {
    await ledger.close()
  }
}
