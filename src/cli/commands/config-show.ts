import { shownOptions } from '../../config/show.js'
import { renderConfig } from '../../report/config-table.js'
import { renderJson } from '../../report/json.js'
import { createStyle } from '../../report/style.js'
import { EXIT } from '../exit-codes.js'
import type { Session } from '../session.js'

/** `obleth-ledger config show`: every option with its value and where it came from. */
export function runConfigShow({ settings, stdout, colors }: Session): number {
  const rows = shownOptions(settings)
  const json = () => ({ options: rows.map(({ option, value, origin, note }) => ({ option, value, origin, note })) })
  stdout.write(settings.values.json ? renderJson(json()) : renderConfig(rows, createStyle(colors)))
  return EXIT.done
}
