import { randomUUID } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { type ClickHouseClient, ClickHouseError, createClient, type ExecResult } from '@clickhouse/client'
import pRetry from 'p-retry'
import { LedgerError } from '../domain/errors.js'
import type { TargetOptions } from '../domain/options.js'
import { printable } from '../domain/printable.js'
import { ACCESS_HINT, adaptError, REACH_HINT } from './adapt-error.js'
import { exceptionIn, textOf } from './answer.js'
import { ClientLedger, type Send } from './client-ledger.js'
import { identifier } from './identifiers.js'
import type { Ledger, NativeInsert, Params } from './ledger.js'
import { quietLog } from './quiet-log.js'
import { parseServerUrl } from './server-url.js'
import { insertSettings } from './settings.js'

/** Below the shortest keep-alive time that servers have had by default (3 s): never a request on a socket they close. */
const IDLE_SOCKET_MS = 2_000
const READ_RETRIES = { retries: 5, factor: 2, minTimeout: 250, maxTimeout: 4_000 }

/**
 * Connects to a server over HTTP(S). Reachability and rights are proven by a SELECT, since `/ping` answers without a
 * password too. Throws `config`, `access_denied`, or `target_unreachable` after retries.
 */
export async function openServer(target: TargetOptions, url: string): Promise<Ledger> {
  const server = parseServerUrl(url)
  const connectTo = (database: string | undefined) =>
    createClient({
      url: server.origin,
      ...(server.pathname === undefined ? {} : { pathname: server.pathname }),
      ...(database === undefined ? {} : { database }),
      username: target.user,
      password: target.password?.reveal() ?? '',
      ...(target.caCertificates === undefined ? {} : { tls: { ca_cert: Buffer.from(target.caCertificates) } }),
      application: 'obleth-ledger',
      request_timeout: target.timeoutMs,
      // No compression: gzip halves what is sent for five times the work, which pays below 1 Gbit/s only (benchmarks/COMPRESSION.md).
      keep_alive: { enabled: true, idle_socket_ttl: IDLE_SOCKET_MS, eagerly_destroy_stale_sockets: true },
      log: quietLog,
    })
  const ledgerOn = (client: ClickHouseClient, known: ReadonlySet<string>) =>
    new ServerLedger(server.location, target.database, known, client, target.timeoutMs)

  const probe = connectTo(undefined)
  try {
    const first = ledgerOn(probe, new Set())
    const settings = await first.rows<{ name: string; value: string }>('SELECT name, value FROM system.settings')
    // What is older takes no SETTINGS clause in an INSERT and none behind FORMAT.
    const old = settings.every(({ name }) => name !== 'async_insert')
    // A user that may only read may not even say so.
    const known = old ? [] : settings.filter(({ name, value }) => !(name === 'readonly' && value !== '0'))
    const databases = await first.rows<{ name: string }>('SELECT name FROM system.databases')
    // A request that names a database which does not exist fails, also the one that creates it.
    const there = databases.some(({ name }) => name === target.database)
    return ledgerOn(connectTo(there ? target.database : undefined), new Set(known.map(({ name }) => name)))
  } finally {
    await probe.close()
  }
}

class ServerLedger extends ClientLedger {
  readonly kind = 'server'

  constructor(
    location: string,
    database: string,
    knownSettings: ReadonlySet<string>,
    private readonly client: ClickHouseClient,
    timeoutMs: number,
  ) {
    const queryIds = `obleth-ledger-${randomUUID()}`
    const sendAs = (query_id: string, query: string, params?: Params) =>
      bodyOf(
        client.exec({ query, query_id, ...(params === undefined ? {} : { query_params: params }), ...WHOLE_ANSWERS }),
      )
    const read: Send = (sql, params) => sendAs(randomUUID(), sql, params)
    const send: Send = (sql, params, queryId = newId(queryIds)) => sendAs(queryId, sql, params)
    super(location, database, queryIds, knownSettings, retried(read, location, timeoutMs), send)
  }

  async insertNative({ table, columns, file, token, frugal, format = 'Native' }: NativeInsert): Promise<void> {
    const names = columns.map((column) => identifier(column.name)).join(', ')
    const settings = this.settings(insertSettings(token, frugal))
    try {
      const values = (await open(file)).createReadStream({ highWaterMark: 1 << 20 })
      const query = `INSERT INTO ${this.table(table)} (${names}) ${settings} FORMAT ${format}`
      const body = await bodyOf(this.client.exec({ query, values, query_id: newId(this.queryIds), ...WHOLE_ANSWERS }))
      this.refuseException(await textOf(body))
    } catch (error) {
      throw adaptError(error, this.location)
    }
  }

  async close(): Promise<void> {
    await this.client.close()
  }
}

/**
 * wait_end_of_query is a parameter of the HTTP interface, not a setting: the status is sent when the statement has
 * ended, so no exception can hide in the body of a success. Errors are read here, where the status is known.
 */
const WHOLE_ANSWERS = { clickhouse_settings: { wait_end_of_query: 1 }, ignore_error_response: true } as const

async function bodyOf(answer: Promise<ExecResult<Readable>>): Promise<Readable> {
  const { stream, http_status_code: status = 0, response_headers: headers } = await answer
  const code = headers['x-clickhouse-exception-code']
  if (status === 200 && code === undefined) return stream
  const text = await textOf(stream)
  const exception = exceptionIn(text)
  if (exception !== undefined) throw exception
  if (code !== undefined)
    throw new ClickHouseError({ message: text.slice(0, 400), code: String(code), type: 'UNKNOWN' })
  const message = `HTTP status ${status}: ${printable(text.slice(0, 200))}`
  if (status === 401 || status === 403) throw new LedgerError('access_denied', message, { hint: ACCESS_HINT })
  if (status < 500 && status !== 408 && status !== 429) throw new LedgerError('target_failed', message)
  const retryAfterMs = retryAfter(headers['retry-after'])
  throw new LedgerError('target_unreachable', `the ledger cannot be reached: ${message}`, {
    hint: REACH_HINT,
    retryable: true,
    retryAfterMs,
  })
}

/** Of a Retry-After header, which holds seconds or a date: ms from now; undefined where there is none to be understood. */
function retryAfter(header: string | string[] | undefined): number | undefined {
  if (typeof header !== 'string') return undefined
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return ms >= 0 ? ms : undefined
}

const newId = (queryIds: string): string => `${queryIds}-${randomUUID()}`

/** A statement that changes nothing is simply sent again while the server cannot be reached, or has too much to do. */
function retried(send: Send, location: string, timeoutMs: number): Send {
  return (sql, params) =>
    pRetry(
      async () => {
        try {
          return await send(sql, params)
        } catch (error) {
          throw adaptError(error, location)
        }
      },
      {
        ...READ_RETRIES,
        maxRetryTime: 2 * timeoutMs,
        shouldRetry: ({ error }) => error instanceof LedgerError && error.retryable,
      },
    )
}
