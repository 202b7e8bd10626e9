import { FIELDS, type FieldName } from '../domain/record.js'

/** Position of a field in FIELDS; also its bit in the masks of present and missing fields. */
export const INDEX = Object.fromEntries(FIELDS.map(({ name }, index) => [name, index])) as Record<FieldName, number>

/** Bits of the fields without which a line is no record. */
export const REQUIRED = FIELDS.reduce(
  (mask, { absent }, index) => (absent === undefined ? mask | (1 << index) : mask),
  0,
)
export const ALL_FIELDS = 2 ** FIELDS.length - 1

/** UTF-8 of the string that stands in for an absent field. */
export function absentText(name: FieldName): Uint8Array {
  return Buffer.from(String(FIELDS[INDEX[name]].absent))
}
/** The number that stands in for an absent field. */
export function absentNumber(name: FieldName): number {
  return Number(FIELDS[INDEX[name]].absent)
}
