/** The balance that every run prints: read = blank + quarantined + tornTails + withRecords. */
export interface LineCounts {
  read: number
  blank: number
  /** Lines that yielded no record. A line that yielded some (salvage) is in `withRecords`. */
  quarantined: number
  /** Last lines without LF that do not decode. */
  tornTails: number
  withRecords: number
}

/** decoded = inserted + duplicates + conflicts + alreadyInLedger + filteredOut. */
export interface RecordCounts {
  decoded: number
  inserted: number
  /** Further copies that equal the one that stays, field for field. */
  duplicates: number
  /** Copies of a request_id that differ from the one that stays. */
  conflicts: number
  alreadyInLedger: number
  filteredOut: number
  /** Records in which a null float was read as 0. Counted beside the balance. */
  repaired: number
  /** Records taken from lines that obleth itself would reject. Counted beside the balance. */
  salvaged: number
}

export const noLines = (): LineCounts => ({ read: 0, blank: 0, quarantined: 0, tornTails: 0, withRecords: 0 })

export const noRecords = (): RecordCounts => ({
  decoded: 0,
  inserted: 0,
  duplicates: 0,
  conflicts: 0,
  alreadyInLedger: 0,
  filteredOut: 0,
  repaired: 0,
  salvaged: 0,
})
