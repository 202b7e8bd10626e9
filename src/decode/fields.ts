import { FIELDS, type FieldName } from '../domain/record.js'

/** Position of a field in FIELDS; also its bit in the masks of present and missing fields. */
export const INDEX = Object.fromEntries(FIELDS.map(({ name }, index) => [name, index])) as Record<FieldName, number>

/** Bits of the fields without which a line is no record. */
export const REQUIRED = FIELDS.reduce(
  (mask, { absent }, index) => (absent === undefined ? mask | (1 << index) : mask),
  0,
)
export const ALL_FIELDS = 2 ** FIELDS.length - 1
