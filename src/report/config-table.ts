import type { Style } from './style.js'
import { renderTable } from './table.js'

/** An option as `config show` prints it. */
export interface ConfigRow {
  readonly option: string
  readonly text: string
  readonly from: string
  /** Why the value has no effect, or ''. */
  readonly note: string
}

export function renderConfig(rows: readonly ConfigRow[], style: Style): string {
  const lines = renderTable(
    [
      { head: 'option', align: 'left', cell: (row: ConfigRow) => row.option },
      { head: 'value', align: 'left', cell: (row) => row.text },
      { head: 'from', align: 'left', cell: (row) => (row.note === '' ? row.from : `${row.from}, ${row.note}`) },
    ],
    rows,
    style,
  )
  return `${lines.join('\n')}\n`
}
