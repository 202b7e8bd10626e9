/** Bound values of a statement: `{name:Type}` in the SQL. Arrays and UUIDs go as the client encodes them. */
export type Params = Record<string, unknown>

/**
 * A connection to one database of a ClickHouse, embedded or a server. Every method may throw a LedgerError:
 * `target_unreachable` (retryable; the outcome of a statement that changes something is then unclear and must be
 * looked up), `access_denied`, or `target_failed` with the server's code in the message.
 *
 * Settings are never given beside a statement, always in its SETTINGS clause: the embedded engine keeps the former
 * in force for later statements (DOMAIN 5.5 of the project's facts; tested on 26.7).
 */
export interface Ledger {
  readonly kind: 'embedded' | 'server'
  /** Directory, or URL without credentials. */
  readonly location: string
  readonly database: string
  /** What the query_id of each of its statements on a server begins with, save those that only read. */
  readonly queryIds: string
  /** The same connection, looking at another database, which need not exist. Only the first one is to be closed. */
  in(database: string): Ledger
  /** `database`.`name`, both validated and quoted. */
  table(name: string): string
  /**
   * A SETTINGS clause with those of the wanted settings that this version of ClickHouse knows (others would be errors),
   * or an empty text.
   */
  settings(wanted: Readonly<Record<string, number | string>>): string
  /** All rows of a SELECT; 64-bit and wider integers come as strings, Float64 as numbers. Meant for small results. */
  rows<Row>(sql: string, params?: Params): Promise<Row[]>
  /** The same in portions, for results that may be large. */
  stream<Row>(sql: string, params?: Params): AsyncIterable<Row[]>
  /** The answer to a statement as the engine writes it; the caller has put its FORMAT there. */
  raw(sql: string): AsyncIterable<Uint8Array>
  /** A statement without result. `queryId` names it on a server, so that its end can be waited for. */
  command(sql: string, params?: Params, queryId?: string): Promise<void>
  /**
   * Sends the rows of a local file into a table. `columns` are the file's columns in order with the types it
   * declares. Not retried here: the caller looks what became of an unclear outcome.
   */
  insertNative(insert: NativeInsert): Promise<void>
  close(): Promise<void>
}

export interface NativeInsert {
  readonly table: string
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  /** Path of the file. */
  readonly file: string
  /** What it holds; Native blocks where not given. */
  readonly format?: 'Native' | 'JSONEachRow'
  readonly bytes: number
  /** insert_deduplication_token. */
  readonly token: string
  /** With less memory, in more parts: where the target ran out of it. */
  readonly frugal?: boolean
}
