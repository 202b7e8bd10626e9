import { LedgerError } from '../domain/errors.js'

const PASSWORD_FLAG = /^--clickhouse-?password(?:=|$)/i
const URL_WITH_PASSWORD =
  /^(?:--[a-z-]+=)?[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@\s]*:[^/?#\s]*@|[^\s]*[?&](?:password|secret|token)=)/i

/**
 * Refuses a password on the command line, before anything else looks at it: every user of the machine can read it
 * there, and shells keep it. Says which argument it is, never what it holds.
 *
 * @throws LedgerError `usage`
 */
export function refuseSecretsInArguments(argv: readonly string[]): void {
  for (const [index, argument] of argv.entries()) {
    const what = PASSWORD_FLAG.test(argument)
      ? 'is a password'
      : URL_WITH_PASSWORD.test(argument)
        ? 'is a URL with a password'
        : null
    if (what === null) continue
    throw new LedgerError('usage', `argument ${index + 1} ${what}; others can read it in the list of processes`, {
      hint: 'set OBLETH_LEDGER_CLICKHOUSE_PASSWORD, or write it to a file (mode 0600) and give --clickhouse-password-file',
    })
  }
}
