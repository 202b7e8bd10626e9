import { LedgerError } from '../domain/errors.js'
import type { TargetOptions } from '../domain/options.js'
import { connect } from './connect.js'
import { inspectTarget, type TargetState, type UsageState } from './inspect-target.js'
import type { Ledger } from './ledger.js'

/** Opens a ledger that must be there and closes it again. @throws LedgerError `source_not_found` where it has no `usage` */
export async function withLedger<T>(
  target: TargetOptions,
  use: (ledger: Ledger, state: TargetState, usage: UsageState) => Promise<T>,
): Promise<T> {
  const ledger = await connect(target)
  try {
    const state = await inspectTarget(ledger)
    if (state.usage === null) {
      throw new LedgerError('source_not_found', `there is no ledger: database ${ledger.database} has no table usage`, {
        place: ledger.location,
        hint: 'name the ledger with --clickhouse-url or --embedded; obleth-ledger replay rebuilds one',
      })
    }
    return await use(ledger, state, state.usage)
  } finally {
    await ledger.close()
  }
}
