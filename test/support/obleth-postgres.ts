import { createHash } from 'node:crypto'
import pg from 'pg'

/** Every table of the schema, with the number of rows that `fillObleth` writes. */
export const ROWS: Readonly<Record<string, number>> = {
  'public.api_keys': 400,
  'public.app_settings': 30,
  'public.audit_log': 50_000,
  'public.fairshare_groups': 5,
  'public.mcp_servers': 7,
  'public.models': 12,
  'public.tenants': 40,
  'public."odd ""name"".table"': 3,
  'public.usage_marks_2026': 20,
  'public.usage_marks_rest': 10,
}

/** Tables, data, roles, grants, a view, an extension, partitions and a large object, as obleth's database may have them. */
const SCHEMA = `
CREATE EXTENSION pgcrypto;
CREATE TABLE tenants (id uuid PRIMARY KEY, name text NOT NULL, organization text, contact_email text, weight bigint DEFAULT 1);
CREATE TABLE api_keys (id uuid PRIMARY KEY, tenant_id uuid NOT NULL REFERENCES tenants, name text, hash bytea NOT NULL, created_at timestamptz DEFAULT now());
CREATE TABLE models (name text PRIMARY KEY, config jsonb NOT NULL, cost_per_token numeric(20, 12));
CREATE TABLE fairshare_groups (id serial PRIMARY KEY, name text UNIQUE, share double precision);
CREATE TABLE mcp_servers (id uuid PRIMARY KEY, url text, headers jsonb);
CREATE TABLE app_settings (key text PRIMARY KEY, value jsonb);
CREATE TABLE audit_log (id bigserial PRIMARY KEY, at timestamptz NOT NULL, actor text, action text, detail jsonb);
CREATE INDEX audit_log_at ON audit_log (at);
CREATE TABLE "odd ""name"".table" ("a b" text, "select" int);
CREATE TABLE usage_marks (year int, mark text) PARTITION BY RANGE (year);
CREATE TABLE usage_marks_2026 PARTITION OF usage_marks FOR VALUES FROM (2026) TO (2027);
CREATE TABLE usage_marks_rest PARTITION OF usage_marks DEFAULT;
CREATE VIEW active_tenants AS SELECT t.id, t.name, count(k.id) AS keys FROM tenants t LEFT JOIN api_keys k ON k.tenant_id = t.id GROUP BY t.id;
INSERT INTO tenants SELECT md5('t' || n)::uuid, 'Größe & Söhne ' || n, NULLIF('org ' || n, 'org 3'), n || '@b.example', n FROM generate_series(1, 40) n;
INSERT INTO api_keys SELECT md5('k' || n)::uuid, md5('t' || (n % 40 + 1))::uuid, NULL, digest('key' || n, 'sha256'), '2026-01-01' FROM generate_series(1, 400) n;
INSERT INTO models SELECT 'model-' || n, jsonb_build_object('context', n * 1000, 'tags', '["a","b"]'::jsonb), n / 7.0 FROM generate_series(1, 12) n;
INSERT INTO fairshare_groups (name, share) SELECT 'group ' || n, 1.0 / n FROM generate_series(1, 5) n;
INSERT INTO mcp_servers SELECT md5('m' || n)::uuid, 'https://mcp' || n || '.example', '{"x":null}' FROM generate_series(1, 7) n;
INSERT INTO app_settings SELECT 'setting.' || n, to_jsonb(repeat('v', n)) FROM generate_series(1, 30) n;
INSERT INTO audit_log (at, actor, action, detail) SELECT '2026-01-01'::timestamptz + n * interval '1 second', 'actor ' || n % 17, E'tab\\t, line\\n, \\\\.', jsonb_build_object('n', n) FROM generate_series(1, 50000) n;
INSERT INTO "odd ""name"".table" VALUES ('x', 1), (NULL, 2), ('"', NULL);
INSERT INTO usage_marks SELECT 2026, 'm' || n FROM generate_series(1, 20) n;
INSERT INTO usage_marks SELECT 2020, 'r' || n FROM generate_series(1, 10) n;
SELECT lo_from_bytea(0, convert_to(repeat('a large object ', 40000), 'UTF8'));
`

const OWNERS = `
ALTER TABLE tenants OWNER TO app_rw; ALTER TABLE api_keys OWNER TO app_rw; ALTER VIEW active_tenants OWNER TO app_rw;
GRANT SELECT ON tenants, models TO app_ro; GRANT SELECT (id, name) ON api_keys TO app_ro;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO app_ro;
`

/** The roles that own or may read; and one that logs in as a member of the first. */
const ROLES = `CREATE ROLE app_rw; CREATE ROLE app_ro NOLOGIN; CREATE ROLE "App Login" LOGIN PASSWORD 'l0gin-pass' IN ROLE app_rw;`

/** Runs statements over a connection of their own; the rows of the last one. */
export async function sql(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    const result = (await client.query(text)) as pg.QueryResult | pg.QueryResult[]
    return (Array.isArray(result) ? result.at(-1) : result)?.rows ?? []
  } finally {
    await client.end()
  }
}

/** The URL of another database, and of another user, of the same server. */
export function urlOf(url: string, database: string, user?: string, password = ''): string {
  const other = new URL(url)
  other.pathname = `/${encodeURIComponent(database)}`
  if (user !== undefined) {
    other.username = encodeURIComponent(user)
    other.password = encodeURIComponent(password)
  }
  return other.href
}

/** Makes the database and fills it; its roles too, where the server lacks them. */
export async function fillObleth(url: string, database: string): Promise<string> {
  const roles = await sql(url, "SELECT FROM pg_roles WHERE rolname = 'app_rw'")
  if (roles.length === 0) await sql(url, ROLES)
  await sql(url, `CREATE DATABASE "${database}"`)
  const own = urlOf(url, database)
  await sql(own, SCHEMA)
  await sql(own, OWNERS)
  return own
}

/** Drops a database, whoever is connected to it, and makes an empty one of that name. */
export async function emptyAgain(url: string, database: string): Promise<void> {
  await sql(url, `DROP DATABASE IF EXISTS "${database}" WITH (FORCE)`)
  await sql(url, `CREATE DATABASE "${database}"`)
}

/**
 * All that a database holds, by hashes of what SQL says of it: rows of every table, large objects, owners and grants,
 * columns, indexes, views, sequences, extensions.
 */
export async function contentOf(url: string): Promise<Record<string, string>> {
  const content: Record<string, string> = {}
  const hash = (rows: unknown) => createHash('sha256').update(JSON.stringify(rows)).digest('hex')
  const tables = await sql(
    url,
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
  )
  for (const { name } of tables)
    content[`rows of ${name}`] = hash(await sql(url, `SELECT t::text AS r FROM ONLY ${name} t ORDER BY 1`))
  const asks: Record<string, string> = {
    'large objects': 'SELECT oid::text, md5(lo_get(oid)) FROM pg_largeobject_metadata ORDER BY 1',
    'owners and grants': `SELECT relname, relowner::regrole::text, relacl::text FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1`,
    'grants on columns': `SELECT attrelid::regclass::text, attname, attacl::text FROM pg_attribute WHERE attacl IS NOT NULL AND attrelid > 16384 ORDER BY 1, 2`,
    'default grants': 'SELECT defaclobjtype::text, defaclacl::text FROM pg_default_acl ORDER BY 1, 2',
    columns: `SELECT table_name, column_name, data_type, column_default, is_nullable FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, ordinal_position`,
    indexes: `SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1`,
    constraints: `SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2`,
    views: `SELECT viewname, definition FROM pg_views WHERE schemaname = 'public' ORDER BY 1`,
    sequences: `SELECT sequencename, last_value::text FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1`,
    extensions: 'SELECT extname, extversion FROM pg_extension ORDER BY 1',
  }
  for (const [name, text] of Object.entries(asks)) content[name] = hash(await sql(url, text))
  return content
}
