import type { Compare } from '../billing/bill.js'
import { walSides } from '../billing/wal-sides.js'
import type { BillOptions, InputOptions } from '../domain/options.js'
import type { RunContext } from '../domain/run.js'
import { WalSources } from './staged-wal.js'

/** Hands on how a bill is compared with WAL files. Throws what finding and staging them throws, and what `use` throws. */
export function withBillSources<T>(
  options: BillOptions,
  input: InputOptions,
  context: Pick<RunContext, 'emit' | 'signal'>,
  nowMs: number,
  use: (compare: Compare) => Promise<T>,
): Promise<T> {
  return WalSources.with('bill', input, context, (sources) =>
    use((ledger, usage, period) =>
      sources.staged(ledger, usage, { ...options, nowMs }, (wal) => walSides(wal, period, options.tenants)),
    ),
  )
}
