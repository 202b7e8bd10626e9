import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Client, ClientConfig } from 'pg'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import type { PostgresConnection, SslMode } from './connection.js'

const CONNECT_WITHIN_MS = 10_000
const KEEP_ALIVE_MS = 60_000

/** What to do next, by what went wrong. */
export interface PostgresHints {
  /** What was wanted of the server, behind `Postgres cannot`. */
  readonly doing: string
  readonly denied: string
  readonly failed: string
  readonly unreachable: string
}

type Ssl = Exclude<ClientConfig['ssl'], undefined>

export interface ClientOptions {
  /** Longest wait for one answer, ms; none where not given. */
  readonly answerWithinMs?: number
  readonly signal?: AbortSignal
}

/**
 * Connects, and closes the connection when the work with it is done, or cuts it on an abort.
 *
 * @throws LedgerError `target_unreachable`, `access_denied`, `source_not_found` for the database, `target_failed`; `config` where a file
 *   that the URL names is missing; the signal's reason
 */
export async function withPostgres<T>(
  connection: PostgresConnection,
  hints: PostgresHints,
  options: ClientOptions,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  let client: Client | undefined
  try {
    client = await connectPostgres(connection, options)
    return await use(client)
  } catch (error) {
    options.signal?.throwIfAborted()
    throw postgresError(error, `Postgres, ${connection.place}`, hints)
  } finally {
    await client?.end().catch(() => {})
  }
}

/** Connects as libpq would: with its kinds of encryption, in its order, and nothing from PG* variables or files of passwords. */
async function connectPostgres(connection: PostgresConnection, options: ClientOptions): Promise<Client> {
  options.signal?.throwIfAborted()
  const [first, second] = encryptions(connection)
  try {
    return await connectOnce(connection, first, options)
  } catch (error) {
    if (second === undefined || !isAboutEncryption(error)) throw error
    return await connectOnce(connection, second, options)
  }
}

async function connectOnce(
  connection: PostgresConnection,
  ssl: Ssl,
  { answerWithinMs, signal }: ClientOptions,
): Promise<Client> {
  const { host, port, user, database, password, others } = connection
  const { default: pg } = await import('pg')
  const client = new pg.Client({
    host,
    port,
    user,
    database,
    // A text that is empty, or missing, would be looked for in variables and files.
    password: () => password?.reveal() ?? '',
    ssl,
    options: others.get('options') ?? ' ',
    application_name: others.get('application_name') ?? 'obleth-ledger',
    enableChannelBinding: others.get('channel_binding') !== 'disable',
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
    // A connection that holds a snapshot is silent for hours, which some networks take for its end.
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    ...(answerWithinMs === undefined ? {} : { query_timeout: answerWithinMs }),
  })
  // A connection that is cut between two statements is told by the next one; without a listener it would end the process.
  client.on('error', () => {})
  const stop = () => void client.end().catch(() => {})
  signal?.addEventListener('abort', stop, { once: true })
  client.once('end', () => signal?.removeEventListener('abort', stop))
  try {
    await client.connect()
    return client
  } catch (error) {
    stop()
    throw error
  }
}

/** The kinds of connection to try, in the order of libpq. */
function encryptions(connection: PostgresConnection): readonly [Ssl, Ssl?] {
  const { sslMode, others } = connection
  if (sslMode === 'disable') return [false]
  const files = (name: string) => (others.has(name) ? readPem(others.get(name) ?? '') : undefined)
  const [cert, key] = [files('sslcert'), files('sslkey')]
  const own = { ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) }
  const ca = authorities(sslMode, others.get('sslrootcert'))
  if (ca === null) {
    const encrypted = { ...own, rejectUnauthorized: false }
    if (sslMode === 'require') return [encrypted]
    return sslMode === 'allow' ? [false, encrypted] : [encrypted, false]
  }
  const proven = { ...own, ...(ca === 'system' ? {} : { ca }), rejectUnauthorized: true }
  return sslMode === 'verify-full' ? [proven] : [{ ...proven, checkServerIdentity: () => undefined }]
}

/** CAs that the server's certificate must come from; null where it is not looked at. As libpq has it, `require` with a file asks for one of these. */
function authorities(mode: SslMode, named: string | undefined): string | 'system' | null {
  const verifies = mode === 'verify-ca' || mode === 'verify-full'
  if (named === 'system') return 'system'
  const file = named ?? join(homedir(), '.postgresql', 'root.crt')
  if (verifies || (mode === 'require' && (named !== undefined || existsSync(file)))) return readPem(file)
  return null
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new LedgerError('config', 'a certificate or key that the URL of Postgres asks for cannot be read', {
      place: printable(file),
      hint: 'name it with sslrootcert, sslcert or sslkey in the URL, or make it readable for this user',
      cause: error,
    })
  }
}

/** A server that has no encryption, or a rule (pg_hba.conf) that asks for the other kind. */
function isAboutEncryption(error: unknown): boolean {
  const { message = '', code } = error as { message?: string; code?: string }
  return /does not support SSL/.test(message) || (code === '28000' && /no encryption|SSL/.test(message))
}

/** PostgreSQL's classes of SQLSTATE: 08 connection, 57P0 shutdown, 28 authorization, 3D000 no such database, 42501 missing right, 55P03 lock timeout. */
function postgresError(error: unknown, place: string, hints: PostgresHints): unknown {
  const { code = '', message = '', severity } = error as { code?: unknown; message?: string; severity?: string }
  const state = String(code)
  const isOurs = error instanceof LedgerError || (state === '' && !/connection|timeout|SSL/i.test(message))
  if (isOurs) return error
  const told = { place, cause: error }
  if (severity === undefined || /^(08|57P0)/.test(state))
    return new LedgerError(
      'target_unreachable',
      `Postgres cannot be reached: ${printable(message.includes(state) ? message : [state, message].filter(Boolean).join(', '))}`,
      { ...told, retryable: true, hint: hints.unreachable },
    )
  if (state === '3D000')
    return new LedgerError('source_not_found', `Postgres has no such database: ${printable(message)}`, {
      ...told,
      hint: 'check the name of the database in OBLETH_LEDGER_POSTGRES_URL, then run the same command again',
    })
  if (state.startsWith('28'))
    return new LedgerError('access_denied', `Postgres refuses this user: ${printable(message)}`, {
      ...told,
      hint: 'check user and password in OBLETH_LEDGER_POSTGRES_URL, then run the same command again',
    })
  if (state === '42501')
    return new LedgerError('access_denied', `Postgres refuses this user: ${printable(message)}`, {
      ...told,
      hint: hints.denied,
    })
  if (state === '55P03')
    return new LedgerError('target_locked', 'Postgres has a table that another session keeps locked', {
      ...told,
      hint: 'let the migration or the maintenance that holds it come to its end, then run the same command again',
    })
  return new LedgerError('target_failed', `Postgres cannot ${hints.doing} (SQLSTATE ${state}): ${printable(message)}`, {
    ...told,
    hint: hints.failed,
  })
}
