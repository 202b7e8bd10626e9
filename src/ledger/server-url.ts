import { LedgerError } from '../domain/errors.js'

/**
 * The URL of a server as the client wants it: its origin, and a path apart. Throws `config` where it is no http or
 * https URL, or carries what belongs into options of its own (user, password, database, settings).
 */
export function parseServerUrl(text: string): { origin: string; pathname: string | undefined; location: string } {
  // The text itself is not shown before it is known to hold no password.
  const refuse = (what: string, hint: string) => new LedgerError('config', `the ClickHouse URL ${what}`, { hint })
  if (!URL.canParse(text)) throw refuse('is not a URL', 'write it like http://host:8123')
  const url = new URL(text)
  if (url.username !== '' || url.password !== '')
    throw refuse('holds a user or password', 'use OBLETH_CLICKHOUSE_USER and --clickhouse-password-file')
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw refuse(`has the scheme ${url.protocol.slice(0, -1)}`, 'only http and https work; the native port does not')
  if (url.search !== '' || url.hash !== '')
    throw refuse('has parameters', 'settings in the URL are not supported; name the database with --clickhouse-db')
  const pathname = url.pathname === '/' ? undefined : url.pathname.replace(/\/+$/, '')
  return { origin: url.origin, pathname, location: `${url.origin}${pathname ?? ''}` }
}
