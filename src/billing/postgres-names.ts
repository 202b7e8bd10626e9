import type { Client } from 'pg'
import { LedgerError } from '../domain/errors.js'
import type { Secret } from '../domain/options.js'
import { KEY, type Names, TENANT, tenantName } from './names.js'

const CONNECT_WITHIN_MS = 10_000
const ANSWER_WITHIN_MS = 60_000

/**
 * Reads the names from obleth's own tables `tenants` and `api_keys`, in one read-only transaction.
 *
 * @throws LedgerError `target_unreachable`, `access_denied`, or `target_failed` where the tables are others
 */
export async function namesFromPostgres(url: Secret): Promise<Names> {
  const { default: pg } = await import('pg')
  const client = new pg.Client({
    connectionString: url.reveal(),
    application_name: 'obleth-ledger',
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
    query_timeout: ANSWER_WITHIN_MS,
  })
  // A connection that is cut between two statements is told by the next one; without a listener it would end the process.
  client.on('error', () => {})
  try {
    await client.connect()
    return await readNames(client)
  } catch (error) {
    throw postgresError(error)
  } finally {
    await client.end().catch(() => {})
  }
}

async function readNames(client: Client): Promise<Names> {
  await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY')
  const tenants = await client.query('SELECT id::text, name, organization, contact_email FROM tenants')
  const keys = await client.query('SELECT id::text, name FROM api_keys')
  return {
    tenants: new Map(tenants.rows.map((row) => TENANT.parse(row)).map((row) => [row.id, tenantName(row)])),
    keys: new Map(keys.rows.map((row) => KEY.parse(row)).flatMap(({ id, name }) => (name ? [[id, name]] : []))),
  }
}

/** PostgreSQL's classes of SQLSTATE: 28 authorization, 42501 missing right, 42 unknown table or column. */
function postgresError(error: unknown): LedgerError {
  const state = String((error as { code?: unknown }).code ?? '')
  const told = { place: 'Postgres', cause: error }
  if (state.startsWith('28') || state === '42501') {
    return new LedgerError('access_denied', 'Postgres refuses this user', {
      ...told,
      hint: 'check user, password and rights in OBLETH_LEDGER_POSTGRES_URL; the bill reads tenants and api_keys',
    })
  }
  if (/^[0-9A-Z]{5}$/.test(state)) {
    return new LedgerError('target_failed', `Postgres cannot tell the names (SQLSTATE ${state})`, {
      ...told,
      hint: "the URL must name obleth's own database, with its tables tenants and api_keys; --config-backup does without",
    })
  }
  return new LedgerError('target_unreachable', `Postgres cannot be reached${state === '' ? '' : ` (${state})`}`, {
    ...told,
    retryable: true,
    hint: 'check --postgres-url, or take the names from a file with --config-backup',
  })
}
