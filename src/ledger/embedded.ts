import { chmodSync, mkdirSync } from 'node:fs'
import { realpath, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { ClickHouseClient, ClickHouseClientConfigOptions } from '@clickhouse/client'
import { engineGate } from '../domain/engine-gate.js'
import { LedgerError } from '../domain/errors.js'
import type { TargetOptions } from '../domain/options.js'
import { adaptError } from './adapt-error.js'
import { jsonRows } from './answer.js'
import { ClientLedger, type Send } from './client-ledger.js'
import { holderOf } from './embedded-lock.js'
import { withGlobFreePath } from './glob-free.js'
import { identifier, literal } from './identifiers.js'
import type { Ledger, NativeInsert } from './ledger.js'
import { quietLog } from './quiet-log.js'
import { insertSettings } from './settings.js'

/**
 * Opens the ledger in a directory of this machine with chDB, in this process and always in UTC; the directory is made
 * (0700) where it does not exist. Throws `target_locked` where another process holds it.
 *
 * @param backups folder that the engine may write native backups to and read them from; it must exist
 */
export async function openEmbedded(target: TargetOptions, backups?: string): Promise<Ledger> {
  const directory = resolve(target.embedded)
  const created = makeDirectory(directory)
  refuseHeld(directory)
  const { client, close } = await openClient(directory, backups)
  // Again, now that the engine has set its umask: nobody else reads bills.
  if (created) chmodSync(directory, 0o700)
  engineGate.opened(close)
  const send: Send = (query, params) =>
    engineGate.run(
      async () => (await client.exec({ query, ...(params === undefined ? {} : { query_params: params }) })).stream,
    )
  try {
    const known = new Set<string>()
    for await (const rows of jsonRows<{ name: string }>(
      await send('SELECT name FROM system.settings FORMAT JSONEachRow'),
    ))
      for (const row of rows) known.add(row.name)
    // A handful of statements of each shape: compiling one takes longer than it saves over millions of rows.
    await send('SET compile_expressions = 0, compile_aggregate_expressions = 0')
    const exists = `SELECT name FROM system.databases WHERE name = ${literal(target.database)} FORMAT JSONEachRow`
    for await (const _ of jsonRows(await send(exists))) await send(`USE ${identifier(target.database)}`)
    return new EmbeddedLedger(directory, target.database, known, send, close)
  } catch (error) {
    await close()
    throw adaptError(error, directory)
  }
}

type Connection = NonNullable<ClickHouseClientConfigOptions['connection']>

class EmbeddedLedger extends ClientLedger {
  readonly kind = 'embedded'

  constructor(
    location: string,
    database: string,
    knownSettings: ReadonlySet<string>,
    send: Send,
    readonly close: () => Promise<void>,
  ) {
    super(location, database, '', knownSettings, send, send)
  }

  /** chDB's Node API turns an inline body into a string, so the engine reads the block file itself. */
  async insertNative({ table, columns, file, token, frugal, format = 'Native' }: NativeInsert): Promise<void> {
    const names = columns.map((column) => identifier(column.name)).join(', ')
    const structure = columns.map((column) => `${identifier(column.name)} ${column.type}`).join(', ')
    const settings = this.settings({ ...insertSettings(token, frugal), ...SELECT_SETTINGS })
    await withGlobFreePath(file, (path) =>
      this.command(
        `INSERT INTO ${this.table(table)} (${names}) ${settings} ` +
          `SELECT ${names} FROM file(${literal(path)}, ${literal(format)}, ${literal(structure)}, 'none')`,
      ),
    )
  }
}

/** The token holds for a block that comes out of a SELECT, too, and the block arrives in the file's order. */
const SELECT_SETTINGS = {
  deduplicate_insert_select: 'enable_even_for_bad_queries',
  max_insert_threads: 1,
  max_threads: 1,
}

function makeDirectory(directory: string): boolean {
  try {
    return mkdirSync(directory, { recursive: true, mode: 0o700 }) !== undefined
  } catch (error) {
    throw new LedgerError('target_failed', `cannot create the directory of the embedded ledger: ${String(error)}`, {
      place: directory,
      hint: 'name another one with --embedded',
      cause: error,
    })
  }
}

function refuseHeld(directory: string): void {
  const holder = holderOf(directory)
  if (holder === undefined) return
  const who = holder.pid === undefined ? 'another process' : `process ${holder.pid}`
  throw new LedgerError('target_locked', `the embedded ledger is in use by ${who}`, {
    place: directory,
    hint: `wait until ${who} has ended, then run the same command again`,
  })
}

interface Opened {
  readonly client: ClickHouseClient
  close(): Promise<void>
}

async function openClient(directory: string, backups: string | undefined): Promise<Opened> {
  // chDB takes its zone when the library is loaded, whatever a configuration says later.
  process.env.TZ = 'UTC'
  // Likewise read once, by the engine's allocator: huge pages and late return of memory saved a quarter of the inserts' time.
  process.env.JE_MALLOC_CONF ??= 'thp:always,metadata_thp:always,dirty_decay_ms:60000'
  const [{ createClient }, chdb] = await Promise.all([import('@clickhouse/client'), import('chdb/connection')])
  try {
    const configured = backups === undefined ? undefined : await configuredSession(directory, backups)
    // The same interface, declared once in @clickhouse/client and once in the @clickhouse/client-common that chdb uses.
    const connection = chdb.default.createChdbConnection({ path: directory }) as unknown as Connection
    const client = createClient({ connection, log: quietLog })
    const close = async () => {
      await client.close()
      configured?.close()
    }
    return { client, close }
  } catch (error) {
    refuseHeld(directory)
    throw new LedgerError('target_failed', `the embedded engine cannot open its directory: ${String(error)}`, {
      place: directory,
      hint: 'the engine wrote its reason above; check rights and free space of the directory',
      cause: error,
    })
  }
}

/**
 * Native backups need a configuration, which an engine takes only from the first session in its directory: the client's
 * own, opened later, joins this one.
 */
async function configuredSession(directory: string, backups: string): Promise<{ close(): void }> {
  const path = `${await realpath(backups)}/`.replace(/[<>&]/g, (c) => `&#${c.charCodeAt(0)};`)
  const file = join(backups, 'engine.xml')
  const allowed = `<allowed_path>${path}</allowed_path>`
  await writeFile(file, `<clickhouse><backups>${allowed}</backups></clickhouse>\n`, { mode: 0o600 })
  const { Session } = await import('chdb')
  return new Session(directory, { connectionArgs: [`--config-file=${file}`] })
}
