import { pipeline } from 'node:stream/promises'
import { targetOptions } from '../../config/parsed.js'
import { terminalText } from '../../report/terminal-text.js'
import { EXIT } from '../exit-codes.js'
import type { Session } from '../session.js'

/** `obleth-ledger query`: the engine's answer as it is, save that a terminal gets no control characters. */
export async function runQuery({ settings, words: { sql }, stdout }: Session): Promise<number> {
  const { values, given } = settings
  const format = values.json && given.get('format')?.origin.kind !== 'flag' ? 'JSON' : values.format
  const { query } = await import('../../pipeline/index.js')
  const options = { format, write: values.write }
  if (!stdout.isTTY) await query(targetOptions(settings), sql, options, stdout)
  else {
    const safe = terminalText()
    const shown = pipeline(safe, stdout, { end: false })
    try {
      await query(targetOptions(settings), sql, options, safe)
    } finally {
      safe.end()
    }
    await shown
  }
  return EXIT.done
}
