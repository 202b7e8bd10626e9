import { LedgerError } from '../domain/errors.js'

const PASSWORD_FLAG = /^--clickhouse-?(?:backup-?)?password(?:=|$)/i
const VALUE_OF_FLAG = /^--[a-z-]+=/i
const URL_WITH_PASSWORD = [
  // A password with an unescaped slash does not parse as one, but it is one all the same.
  /^https?:\/\/.*:.*@/is,
  /^[a-z][a-z0-9+.-]*:\/\/[^/?#@]*:[^/?#]*@/i,
  /^[a-z][a-z0-9+.-]*:\/\/.*[?&](?:password|secret|token)=/is,
]

/**
 * Refuses a password on the command line, before anything else looks at it: every user of the machine can read it
 * there, and shells keep it. Says which argument it is, never what it holds.
 *
 * @throws LedgerError `usage`
 */
export function refuseSecretsInArguments(argv: readonly string[]): void {
  for (const [index, argument] of argv.entries()) {
    const what = passwordIn(argument)
    if (what === null) continue
    throw new LedgerError('usage', `argument ${index + 1} ${what}; others can read it in the list of processes`, {
      hint: wayFor(argument),
    })
  }
}

/** Where the password goes instead, by the store that the URL is of. */
function wayFor(argument: string): string {
  const [, store] = /^(?:--[a-z-]+=)?(postgres|redis)[a-z+]*:/i.exec(argument) ?? []
  if (store !== undefined)
    return `set the whole URL as OBLETH_LEDGER_${store.toUpperCase()}_URL, or write it to the config file (mode 0600)`
  if (/^--clickhouse-?backup-/i.test(argument)) return 'set OBLETH_LEDGER_CLICKHOUSE_BACKUP_PASSWORD'
  return 'set OBLETH_LEDGER_CLICKHOUSE_PASSWORD, or write it to a file (mode 0600) and give --clickhouse-password-file'
}

function passwordIn(argument: string): string | null {
  if (PASSWORD_FLAG.test(argument)) return 'is a password'
  const value = argument.replace(VALUE_OF_FLAG, '')
  return URL_WITH_PASSWORD.some((shape) => shape.test(value)) ? 'is a URL with a password' : null
}
