import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'

const PLAIN = /^[A-Za-z0-9_]{1,64}$/

/**
 * Backquoted name of a database, table, column or run. obleth's own rule: at most 64 characters of [A-Za-z0-9_];
 * anything else is refused (`config`), so nothing that is quoted here can end its quotes.
 */
export function identifier(name: string): string {
  if (!PLAIN.test(name))
    throw new LedgerError('config', `not a plain identifier: "${printable(name.slice(0, 80))}"`, {
      hint: 'names of databases, tables and runs are 1 to 64 characters of A-Z, a-z, 0-9 and _',
    })
  return `\`${name}\``
}

const ESCAPES: Record<string, string> = {
  '\\': '\\\\',
  "'": "\\'",
  '\0': '\\0',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
}

/** A string literal, for the places where ClickHouse takes no bound parameter: settings, comments, file(). */
export function literal(text: string): string {
  return `'${text.replace(/[\\'\0\b\f\n\r\t]/g, (c) => ESCAPES[c])}'`
}
