import { userInfo } from 'node:os'
import { LedgerError } from '../domain/errors.js'
import { Secret } from '../domain/options.js'
import { printable } from '../domain/printable.js'

const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
export type SslMode = (typeof SSL_MODES)[number]

/** A Postgres as its URL names it, so that the client in this process and the programs of PostgreSQL mean the same one. */
export interface PostgresConnection {
  /** Name, address, or the folder of a Unix socket. */
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  readonly password: Secret | undefined
  readonly sslMode: SslMode
  /** Parameters of libpq that the URL has besides, by their names there. */
  readonly others: ReadonlyMap<string, string>
  /** For people, without user and password: `host:5432/obleth`. */
  readonly place: string
}

const MOST_PORT = 65_535

/** Parameters of a URL, and the variable by which libpq takes each. */
const VARIABLES: ReadonlyMap<string, string> = new Map([
  ['sslrootcert', 'PGSSLROOTCERT'],
  ['sslcert', 'PGSSLCERT'],
  ['sslkey', 'PGSSLKEY'],
  ['options', 'PGOPTIONS'],
  ['application_name', 'PGAPPNAME'],
  ['channel_binding', 'PGCHANNELBINDING'],
  ['connect_timeout', 'PGCONNECT_TIMEOUT'],
])
/** Those that say again, in sqlx's spelling or in the query, what stands elsewhere. */
const SPELLINGS: ReadonlyMap<string, string> = new Map([
  ['ssl-mode', 'sslmode'],
  ['ssl-root-cert', 'sslrootcert'],
  ['ssl-cert', 'sslcert'],
  ['ssl-key', 'sslkey'],
])
/** Of sqlx, the library that many gateways in Rust use; it says nothing about the server. */
const IGNORED = new Set(['statement-cache-capacity'])

/**
 * Reads a Postgres URL: parts of the path and of the query, in libpq's names and sqlx's. What it does not know it refuses,
 * since a parameter that is passed over may mean another server, or a connection without encryption.
 *
 * @throws LedgerError `config`, which never repeats the URL; `usage` where there is none
 */
export function parsePostgresUrl(url: Secret | undefined): PostgresConnection {
  if (url === undefined)
    throw new LedgerError('usage', 'no Postgres is named', {
      hint: 'set OBLETH_DATABASE_URL or OBLETH_LEDGER_POSTGRES_URL, or give --postgres-url without the password',
    })
  const parsed = new URL(url.reveal())
  const query = parametersOf(parsed)
  const part = (name: string, inUrl: string) => query.get(name) ?? (inUrl === '' ? undefined : decoded(inUrl))
  const host = part('host', parsed.hostname.replace(/^\[(.*)\]$/, '$1'))
  if (host === undefined) throw wrong('names no host')
  if (host.includes(',')) throw wrong('names several hosts: name the one that takes writes')
  const user = part('user', parsed.username) ?? userInfo().username
  const password = part('password', parsed.password)
  const database = part('dbname', parsed.pathname.replace(/^\//, '')) ?? user
  const port = Number(part('port', parsed.port) ?? 5432)
  if (!Number.isInteger(port) || port < 1 || port > MOST_PORT) throw wrong('has no port from 1 to 65535')
  const sslMode = SSL_MODES.find((mode) => mode === (query.get('sslmode') ?? 'prefer'))
  if (sslMode === undefined) throw wrong(`has an sslmode that is none of ${SSL_MODES.join(', ')}`)
  if ([host, user, database, password].some((text) => text?.includes('\0'))) throw wrong('holds a NUL character')
  return {
    host,
    port,
    user,
    database,
    password: password === undefined ? undefined : new Secret(password),
    sslMode,
    others: new Map([...query].filter(([name]) => VARIABLES.has(name))),
    place: printable(`${host.includes(':') ? `[${host}]` : host}:${port}/${database}`),
  }
}

function parametersOf({ searchParams }: URL): Map<string, string> {
  const known = new Set(['host', 'port', 'user', 'password', 'dbname', 'sslmode', ...VARIABLES.keys()])
  const query = new Map<string, string>()
  for (const [given, value] of searchParams) {
    const name = SPELLINGS.get(given) ?? given
    if (IGNORED.has(name)) continue
    if (!known.has(name)) throw wrong(`has a parameter that is not known here: ${printable(name.slice(0, 40))}`)
    query.set(name, value)
  }
  return query
}

/**
 * Environment for the programs of PostgreSQL: all of the connection, nothing of it in arguments, which every user can
 * read. What this process has of such variables is taken away, and so is the user's file of passwords: both would mean
 * another server or user than the URL.
 */
export function libpqEnvironment(connection: PostgresConnection): Record<string, string | undefined> {
  const { host, port, user, database, password, sslMode, others } = connection
  const inherited = Object.keys(process.env).filter((name) => /^PG(?!BACKREST)/.test(name))
  return {
    ...Object.fromEntries(inherited.map((name) => [name, undefined])),
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGDATABASE: database,
    PGSSLMODE: sslMode,
    PGPASSFILE: '/dev/null',
    PGAPPNAME: 'obleth-ledger',
    PGCONNECT_TIMEOUT: '10',
    ...(password === undefined ? {} : { PGPASSWORD: password.reveal() }),
    ...Object.fromEntries([...others].map(([name, value]) => [VARIABLES.get(name), value])),
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw wrong('has a percent sign that is no escape')
  }
}

function wrong(what: string): LedgerError {
  return new LedgerError('config', `the URL of Postgres ${what}`, {
    hint: 'check OBLETH_LEDGER_POSTGRES_URL, --postgres-url or OBLETH_DATABASE_URL: postgres://user@host:5432/obleth',
  })
}
