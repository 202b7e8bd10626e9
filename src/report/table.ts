import Table from 'cli-table3'
import { printable } from '../domain/printable.js'
import { count } from './format.js'
import type { Style } from './style.js'

const PLAIN_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: ' ',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: ' ',
}

export interface Column<Row> {
  readonly head: string
  readonly align: 'left' | 'right'
  cell(row: Row): string
}

/** A table of text lines, capped at `most` rows with a last line that says how many are left out. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  style: Style,
  most = Number.POSITIVE_INFINITY,
): string[] {
  const table = new Table({
    chars: PLAIN_BORDERS,
    style: { head: [], border: [], 'padding-left': 1, 'padding-right': 1 },
    colAligns: columns.map(({ align }) => align),
    head: columns.map(({ head }) => style.bold(head)),
  })
  for (const row of rows.slice(0, most)) table.push(columns.map((column) => printable(column.cell(row))))
  const lines = table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
  return rows.length > most ? [...lines, style.dim(`  … ${count(rows.length - most)} more`)] : lines
}
