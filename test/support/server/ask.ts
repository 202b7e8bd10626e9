import type { Row } from '../ledger-dir.js'
import { PASSWORD, USER } from './targets.js'

/** Runs statements on a test server; the rows of each. */
export async function ask(url: string, statements: readonly string[]): Promise<Row[][]> {
  const all: Row[][] = []
  for (const statement of statements) {
    const select = /^\s*(SELECT|WITH|SHOW)\b/i.test(statement)
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}` },
      body: select
        ? `${statement}\nFORMAT JSONEachRow SETTINGS output_format_json_quote_64bit_integers = 1`
        : statement,
    })
    const text = await response.text()
    if (!response.ok) throw new Error(text)
    all.push(
      text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Row),
    )
  }
  return all
}
