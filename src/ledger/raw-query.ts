import { LedgerError } from '../domain/errors.js'

const READS = /^\s*(SELECT|WITH|SHOW|DESC|DESCRIBE|EXPLAIN|EXISTS)\b/i
const TAKES_SETTINGS = /^\s*(SELECT|WITH)\b/i
const OWN_FORMAT = /\bFORMAT\s+[A-Za-z0-9_]+\s*(SETTINGS\b.*)?$/is
/** A second statement, a file written by the engine, and `WITH … INSERT`, which the engine's own `readonly` need not see. */
const WRITES = /;|\bINTO\s+OUTFILE\b|\bPARALLEL\s+WITH\b|^\s*WITH\b.*\bINSERT\b/is

/**
 * A user's statement as it is sent: with the output format wanted, where it names none itself, and, unless it may write,
 * with `readOnly`, the clause that puts the engine's own `readonly` in force (empty where it is for this user anyway). The
 * kinds of statement are looked at as well, since not all take settings. Throws `usage` for a statement that may write.
 */
export function rawStatement(
  sql: string,
  options: { readonly format: string; readonly write: boolean },
  readOnly: string,
): string {
  const bare = keywordsOf(sql)
  const reads = READS.test(bare)
  if (!options.write && (!reads || WRITES.test(bare)))
    throw new LedgerError('usage', 'only statements that read are run, one at a time', {
      hint: 'allowed are SELECT, WITH, SHOW, DESCRIBE, EXPLAIN and EXISTS; anything else needs --write',
    })
  const format = !reads || OWN_FORMAT.test(bare) ? '' : `\nFORMAT ${options.format}`
  const guard = !options.write && TAKES_SETTINGS.test(bare) && format !== '' ? ` ${readOnly}` : ''
  return `${sql}${format}${guard}`.trimEnd()
}

/** Throws `usage` where the name is none that a format can have. */
export function assertFormat(format: string): void {
  if (!/^[A-Za-z0-9_]{1,64}$/.test(format))
    throw new LedgerError('usage', 'not the name of an output format', { hint: 'e.g. --format JSONEachRow' })
}

/** Comments, texts and quoted names as ClickHouse's lexer knows them, typographic quotes and heredocs included. */
const NOT_KEYWORDS =
  /--[^\n]*|#[ !][^\n]*|\/\*.*?\*\/|'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`|‘[^’]*’|“[^”]*”|\$(\w*)\$.*?\$\1\$/gs

const keywordsOf = (sql: string) => sql.replace(NOT_KEYWORDS, (found) => (/^(--|#|\/\*)/.test(found) ? ' ' : ' x '))
