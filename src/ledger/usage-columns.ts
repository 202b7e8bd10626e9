import { FIELDS, type FieldName } from '../domain/record.js'

/** obleth's partitions are days of the server; by another key, moves and comparisons would mean something else. */
export const PARTITION_KEY = 'toYYYYMMDD(ts)'

/** A row of system.columns. */
export interface ColumnInfo {
  readonly name: string
  readonly type: string
  /** DEFAULT, MATERIALIZED, ALIAS, EPHEMERAL or empty. */
  readonly default_kind: string
}

export interface ColumnCheck {
  /** Fields that have a column: what a block for this table holds, in the record's order. */
  readonly present: readonly FieldName[]
  /** Fields without a column here (an older table): their values have no home. */
  readonly missing: readonly FieldName[]
  /** Columns that no record fills and that have a default of their own. */
  readonly extra: readonly string[]
  /** Why records cannot go into this table, a sentence each. */
  readonly problems: readonly string[]
}

/**
 * Compares the columns of a `usage` with the record: an absent column is fine where the field may be absent in a record,
 * too; a required one, another type, or a foreign column without a default is a problem.
 */
export function checkColumns(columns: readonly ColumnInfo[]): ColumnCheck {
  const found = new Map(columns.map((column) => [column.name, column]))
  const problems: string[] = []
  const present: FieldName[] = []
  const missing: FieldName[] = []
  for (const field of FIELDS) {
    const column = found.get(field.name)
    found.delete(field.name)
    if (column === undefined) {
      missing.push(field.name)
      if (field.absent === undefined) problems.push(`column ${field.name} is missing`)
    } else {
      present.push(field.name)
      if (plainType(column.type) !== plainType(field.column))
        problems.push(`column ${field.name} is ${column.type}, not ${field.column}`)
      if (column.default_kind !== '' && column.default_kind !== 'DEFAULT')
        problems.push(`column ${field.name} is ${column.default_kind} and cannot be written`)
    }
  }
  for (const column of found.values())
    if (column.default_kind === '') problems.push(`column ${column.name} has no default, and no record has its value`)
  return { present, missing, extra: [...found.values()].map(({ name }) => name), problems }
}

/** LowCardinality changes how a value is stored, not which values there are. */
function plainType(type: string): string {
  return type.replace(/^LowCardinality\((.*)\)$/, '$1')
}
