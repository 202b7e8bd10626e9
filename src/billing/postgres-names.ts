import type { Client } from 'pg'
import type { Secret } from '../domain/options.js'
import { withPostgres } from '../postgres/client.js'
import { parsePostgresUrl } from '../postgres/connection.js'
import { KEY, type Names, TENANT, tenantName } from './names.js'

const ANSWER_WITHIN_MS = 60_000

const HINTS = {
  doing: 'tell the names',
  denied: 'check user, password and rights in OBLETH_LEDGER_POSTGRES_URL; the bill reads tenants and api_keys',
  failed: "the URL must name obleth's own database, with its tables tenants and api_keys; --config-backup does without",
  unreachable: 'check --postgres-url, or take the names from a file with --config-backup',
}

/**
 * Reads the names from obleth's own tables `tenants` and `api_keys`, in one read-only transaction.
 *
 * @throws LedgerError `target_unreachable`, `access_denied`, or `target_failed` where the tables are others
 */
export async function namesFromPostgres(url: Secret): Promise<Names> {
  return withPostgres(parsePostgresUrl(url), HINTS, { answerWithinMs: ANSWER_WITHIN_MS }, readNames)
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
