import type { BillHeader, BillPeriod, ItemDifference, RollupDifference } from '../domain/bill.js'
import type { TargetInfo } from '../domain/document.js'

/** Takes a piece of output; done when more may come. */
export type Write = (text: string) => Promise<void>

/** Takes the differences to an earlier bill, one at a time. */
export interface ComparisonSink {
  start(header: BillHeader): Promise<void>
  difference(difference: ItemDifference): Promise<void>
  /** `differences`: how many there were. */
  end(differences: number): Promise<void>
}

/** Takes what differs between raw table and rollup, one group at a time. */
export interface ReconciliationSink {
  start(target: TargetInfo, period: BillPeriod): Promise<void>
  difference(difference: RollupDifference): Promise<void>
  end(differences: number): Promise<void>
}
