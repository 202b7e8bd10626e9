import type { FieldName } from '../domain/record.js'
import type { TallyData } from '../domain/tally.js'
import type { RecordFilter } from './filter.js'
import type { IdTable } from './id-table.js'

/**
 * Records that may go into one INSERT, each id once: a stretch of time, its rows in order of ts_ms, those of one time by
 * id. The order of the table's key is left to the engine: several blocks go into one INSERT, and it sorts them anyway.
 */
export interface OrderedBlock {
  readonly rows: number
  readonly minTsMs: number
  readonly maxTsMs: number
  /** A block in ClickHouse's Native format. Valid until the receiver's promise resolves; empty without encoding. */
  readonly native: Uint8Array
  /** Evidence of these records and of copies of any, or null. */
  readonly evidence: { readonly bytes: Uint8Array; readonly rows: number } | null
}

export interface OrderOptions {
  /** What this stage may take, bytes. */
  readonly memoryBytes: number
  /** An existing directory for spill files. */
  readonly spoolDir: string
  /** Fields that the target has columns for. */
  readonly columns: readonly FieldName[]
  readonly filter: RecordFilter
  /** False where only counts are wanted. */
  readonly encode: boolean
  /** About how many records there will be. Growing the table of ids as it fills took a tenth of the whole command. */
  readonly expectedRecords?: number
  /** Ids known to be in conflict: their records are left to the conflict resolver. */
  readonly withheld?: IdTable
}

export interface OrderSummary {
  /** Records handed in; the sum of sent, copies, conflictCopies, filtered, expired and withheld once all is done. */
  readonly accepted: number
  readonly sent: number
  /** Further copies, equal in every field. */
  readonly copies: number
  /** Copies that differ from the one sent. */
  readonly conflictCopies: number
  readonly filtered: number
  readonly expired: number
  /** Records of withheld ids. */
  readonly withheld: number
  /** Ids that came with different values, four words each. */
  readonly conflictIds: Uint32Array
  readonly minTsMs: number | null
  readonly maxTsMs: number | null
  readonly spilledRows: number
  readonly spilledBytes: number
  /** LowCardinality columns with so many values in one block that ClickHouse leaves their dictionary. */
  readonly wideColumns: readonly { readonly name: FieldName; readonly distinct: number }[]
  /** Of what was sent. */
  readonly tally: TallyData
}
