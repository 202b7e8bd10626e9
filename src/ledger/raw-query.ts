import { LedgerError } from '../domain/errors.js'

const READS = /^\s*(SELECT|WITH|SHOW|DESC|DESCRIBE|EXPLAIN|EXISTS)\b/i
const TAKES_SETTINGS = /^\s*(SELECT|WITH)\b/i
const OWN_FORMAT = /\bFORMAT\s+[A-Za-z0-9_]+\s*(SETTINGS\b.*)?$/is

/**
 * A user's statement as it is sent: with the output format wanted, where it names none itself, and, unless it may write,
 * with the engine's own `readonly` in force. The kinds of statement are looked at as well, since not all take settings.
 * Throws `usage` for a statement that may write.
 */
export function rawStatement(sql: string, options: { readonly format: string; readonly write: boolean }): string {
  if (!options.write && (!READS.test(withoutComments(sql)) || /\bINTO\s+OUTFILE\b/i.test(sql)))
    throw new LedgerError('usage', 'only statements that read are run', {
      hint: 'allowed are SELECT, WITH, SHOW, DESCRIBE, EXPLAIN and EXISTS; anything else needs --write',
    })
  const answers = options.write ? READS.test(withoutComments(sql)) : true
  const format = !answers || OWN_FORMAT.test(sql) ? '' : `\nFORMAT ${options.format}`
  const guard =
    !options.write && TAKES_SETTINGS.test(withoutComments(sql)) && format !== '' ? ' SETTINGS readonly = 1' : ''
  return `${sql}${format}${guard}`
}

/** Throws `usage` where the name is none that a format can have. */
export function assertFormat(format: string): void {
  if (!/^[A-Za-z0-9_]{1,64}$/.test(format))
    throw new LedgerError('usage', 'not the name of an output format', { hint: 'e.g. --format JSONEachRow' })
}

const withoutComments = (sql: string) => sql.replace(/^(\s*(--[^\n]*\n|\/\*.*?\*\/))+/s, '')
