import type { ComparisonSink, ItemDifference } from '../domain/bill.js'
import type { BillOptions } from '../domain/options.js'
import { bill } from './bill.js'
import { Comparison } from './compare.js'

/** Bills the period and tells each line item that an earlier bill has otherwise; returns their number. Throws as {@link bill}. */
export async function compareBill(
  options: BillOptions,
  earlier: string,
  sink: ComparisonSink,
  nowMs: number,
): Promise<number> {
  const comparison = new Comparison(earlier, options.tenants)
  let differences = 0
  const tell = async (found: AsyncIterable<ItemDifference>) => {
    for await (const difference of found) {
      differences++
      await sink.difference(difference)
    }
  }
  await bill(
    options,
    {
      start: async (header) => {
        await comparison.start(header)
        await sink.start(header)
      },
      statement: (statement) => tell(comparison.statement(statement)),
      end: async () => {
        await tell(comparison.end())
        await sink.end(differences)
      },
    },
    nowMs,
    null,
  )
  return differences
}
