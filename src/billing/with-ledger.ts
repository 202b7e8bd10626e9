import { LedgerError } from '../domain/errors.js'
import type { TargetOptions } from '../domain/options.js'
import { connect } from '../ledger/connect.js'
import { inspectTarget, type TargetState } from '../ledger/inspect-target.js'
import type { Ledger } from '../ledger/ledger.js'

/** Opens a ledger for reading and closes it again. @throws LedgerError `source_not_found` where it has no `usage` */
export async function withLedger<T>(
  target: TargetOptions,
  use: (ledger: Ledger, state: TargetState) => Promise<T>,
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
    return await use(ledger, state)
  } finally {
    await ledger.close()
  }
}
