import { createHash } from 'node:crypto'
import type { Client } from 'pg'
import type { TableRows } from '../../domain/backup.js'

/** What a database holds, as one transaction sees it. */
export interface Survey {
  /** `15.18 (Debian …)` cut to `15.18`. */
  readonly version: string
  readonly major: number
  readonly encoding: string
  readonly user: string
  readonly superuser: boolean
  /** Ordinary tables and partitions but those of extensions; names as SQL quotes them. */
  readonly tables: readonly TableRows[]
  /** Tables whose rows pg_dump writes: those above, and what extensions keep of the user's. */
  readonly dumpedTables: number
  readonly largeObjects: number
  /** By name, with its version. */
  readonly extensions: ReadonlyMap<string, string>
  /** Of these, what this user may not drop. */
  readonly foreignExtensions: readonly string[]
  /** Roles that own something here or have rights on it, but the server's own. */
  readonly roles: readonly string[]
  /** The last migration, or a hash of all columns. */
  readonly schema: string
  /** Rules that give rights on whatever is made from now on. */
  readonly defaultGrants: number
  /** Foreign tables: their rows are elsewhere. */
  readonly foreignTables: readonly string[]
}

const USER_SCHEMAS = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`
/** PostgreSQL numbers its own objects below this. */
const FIRST_OWN_OID = 16_384
/** The role that initdb made: no dependencies are kept for it. */
const BOOTSTRAP_OID = 10

const SERVER = `SELECT current_setting('server_version') AS version,
  current_setting('server_version_num')::int / 10000 AS major, current_setting('server_encoding') AS encoding,
  current_user::text AS "user", current_setting('is_superuser') = 'on' AS superuser`

const TABLES = `SELECT n.nspname::text AS schema, c.relname::text AS name, format('%I.%I', n.nspname, c.relname) AS shown,
    c.relkind = 'f' AS "isForeign", d.objid IS NOT NULL AS "ofExtension",
    EXISTS (SELECT FROM pg_extension e WHERE c.oid = ANY (e.extconfig)) AS "keptByExtension"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
  WHERE c.relkind IN ('r', 'f') AND c.relpersistence <> 't' AND ${USER_SCHEMAS}
  ORDER BY n.nspname, c.relname`

const EXTENSIONS = `SELECT extname::text AS name, extversion AS version,
    pg_has_role(extowner, 'USAGE') AS mine
  FROM pg_extension WHERE oid >= ${FIRST_OWN_OID} ORDER BY extname`

/** pg_shdepend has every owner, grantee and role of a policy; what the bootstrap role owns has to be looked up. */
const ROLES = `SELECT DISTINCT r.rolname::text AS name FROM pg_roles r JOIN (
    SELECT s.refobjid AS role FROM pg_shdepend s
    WHERE s.refclassid = 'pg_authid'::regclass AND s.deptype IN ('o', 'a', 'r')
      AND s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND s.classid <> 'pg_extension'::regclass
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = s.classid AND d.objid = s.objid AND d.deptype = 'e')
    UNION SELECT c.relowner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relowner = ${BOOTSTRAP_OID} AND ${USER_SCHEMAS}
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    UNION SELECT p.proowner FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.proowner = ${BOOTSTRAP_OID} AND ${USER_SCHEMAS}
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
    UNION SELECT n.nspowner FROM pg_namespace n
    WHERE n.nspowner = ${BOOTSTRAP_OID} AND n.nspname <> 'public' AND ${USER_SCHEMAS}
    UNION SELECT lomowner FROM pg_largeobject_metadata WHERE lomowner = ${BOOTSTRAP_OID}
  ) used ON used.role = r.oid WHERE r.rolname !~ '^pg_' ORDER BY 1`

const COLUMNS = `SELECT n.nspname::text, c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND ${USER_SCHEMAS}
  ORDER BY n.nspname, c.relname, a.attname`

/** Tables in which migration tools keep what was applied, and the column that orders it. */
const MIGRATIONS: readonly (readonly [table: string, column: string])[] = [
  ['_sqlx_migrations', 'version'],
  ['refinery_schema_history', 'version'],
  ['__diesel_schema_migrations', 'version'],
  ['seaql_migrations', 'version'],
  ['schema_migrations', 'version'],
]

/**
 * Looks at a database, within the transaction that the client has open, and counts the rows of each of its tables: which
 * locks them against DROP and ALTER until the transaction ends.
 */
export async function surveyDatabase(client: Client): Promise<Survey> {
  await client.query('SET LOCAL statement_timeout = 0')
  // Nothing that a user made may stand for a function or an operator of the questions below.
  await client.query('SET LOCAL search_path = pg_catalog')
  // Rows that a policy hides would be missing from the count as from the dump: an error is better.
  await client.query('SET LOCAL row_security = off')
  const [server] = (await client.query(SERVER)).rows as [
    Pick<Survey, 'version' | 'major' | 'encoding' | 'user' | 'superuser'>,
  ]
  const found = (await client.query(TABLES)).rows as FoundTable[]
  const own = found.filter(({ isForeign, ofExtension }) => !isForeign && !ofExtension)
  const tables: TableRows[] = []
  for (const { schema, name, shown } of own)
    tables.push({ table: shown, rows: await countOf(client, `SELECT count(*) FROM ONLY ${quoted(schema, name)}`) })
  const extensions = (await client.query(EXTENSIONS)).rows as { name: string; version: string; mine: boolean }[]
  return {
    ...server,
    version: server.version.split(' ', 1)[0],
    tables,
    dumpedTables:
      own.length + found.filter(({ ofExtension, keptByExtension }) => ofExtension && keptByExtension).length,
    largeObjects: await countOf(client, 'SELECT count(*) FROM pg_largeobject_metadata'),
    extensions: new Map(extensions.map(({ name, version }) => [name, version])),
    foreignExtensions: extensions.filter(({ mine }) => !mine && !server.superuser).map(({ name }) => name),
    roles: ((await client.query(ROLES)).rows as { name: string }[]).map(({ name }) => name),
    schema: await schemaOf(client, found),
    defaultGrants: await countOf(client, 'SELECT count(*) FROM pg_default_acl'),
    foreignTables: found.filter(({ isForeign }) => isForeign).map(({ shown }) => shown),
  }
}

interface FoundTable {
  readonly schema: string
  readonly name: string
  readonly shown: string
  readonly isForeign: boolean
  readonly ofExtension: boolean
  readonly keptByExtension: boolean
}

const quoted = (...names: readonly string[]) => names.map((name) => `"${name.replaceAll('"', '""')}"`).join('.')

async function countOf(client: Client, sql: string): Promise<number> {
  return Number((await client.query(sql)).rows[0].count)
}

async function schemaOf(client: Client, tables: readonly FoundTable[]): Promise<string> {
  for (const [table, column] of MIGRATIONS) {
    const at = tables.find(({ name }) => name === table)
    if (at === undefined) continue
    const columns = await client.query('SELECT FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2', [
      quoted(at.schema, at.name),
      column,
    ])
    if (columns.rowCount === 0) continue
    const { rows } = await client.query(
      `SELECT max(${quoted(column)})::text AS last FROM ${quoted(at.schema, at.name)}`,
    )
    return `${table} ${rows[0].last ?? 'empty'}`
  }
  const hash = createHash('sha256')
  for (const row of (await client.query({ text: COLUMNS, rowMode: 'array' })).rows)
    hash.update(`${JSON.stringify(row)}\n`)
  return `columns ${hash.digest('hex').slice(0, 16)}`
}
