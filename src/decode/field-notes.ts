import { printable } from '../domain/printable.js'
import { FIELDS } from '../domain/record.js'

const MOST_NAMES = 1000

/** Which fields records had too many or too few, over all files. */
export class FieldNotes {
  private readonly unknownCounts = new Map<string, number>()
  /** By mask of missing fields: a gateway's generation has few. */
  private readonly missingCounts = new Map<number, number>()

  /** Records lack the optional fields of this mask (bits by position in FIELDS). */
  lacks(mask: number, records = 1): void {
    if (mask !== 0) this.missingCounts.set(mask, (this.missingCounts.get(mask) ?? 0) + records)
  }

  hasUnknown(name: string): void {
    const count = this.unknownCounts.get(name)
    if (count !== undefined || this.unknownCounts.size < MOST_NAMES) this.unknownCounts.set(name, (count ?? 0) + 1)
  }

  unknown(): { name: string; count: number }[] {
    return [...this.unknownCounts].map(([name, count]) => ({ name: printable(name), count }))
  }

  missing(): { name: string; count: number }[] {
    return FIELDS.map(({ name }, index) => {
      let count = 0
      for (const [mask, records] of this.missingCounts) if ((mask & (1 << index)) !== 0) count += records
      return { name, count }
    }).filter(({ count }) => count > 0)
  }
}
