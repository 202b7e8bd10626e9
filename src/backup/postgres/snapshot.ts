import type { Client } from 'pg'
import { LedgerError } from '../../domain/errors.js'
import { type PostgresHints, withPostgres } from '../../postgres/client.js'
import type { PostgresConnection } from '../../postgres/connection.js'
import { type Survey, surveyDatabase } from './survey.js'

const LEFT = 'earlier backups are as they were'
const HINTS: PostgresHints = {
  doing: 'be backed up',
  denied: `use the owner of the database or a member of pg_read_all_data in OBLETH_LEDGER_POSTGRES_URL; ${LEFT}`,
  failed: `see what the message says, then run the same command again; ${LEFT}`,
  unreachable: `see whether the server runs and can be reached, then run the same command again; ${LEFT}`,
}
/** Longest wait for a table that a migration holds, ms. */
export const LOCK_WITHIN_MS = 60_000

/** A moment of the database, held for pg_dump: what it dumps is what was counted, whatever is inserted meanwhile. */
export interface Snapshot {
  /** For `pg_dump --snapshot`. */
  readonly id: string
  readonly survey: Survey
  /** @throws LedgerError `target_unreachable` where the moment was lost, and pg_dump with it */
  assertHeld(): Promise<void>
}

/** The server's version; for the choice of programs, before anything is held. */
export function versionOf(connection: PostgresConnection, signal: AbortSignal): Promise<string> {
  return withPostgres(connection, HINTS, { signal }, async (client) => {
    const { rows } = await client.query(`SELECT split_part(current_setting('server_version'), ' ', 1) AS version`)
    return rows[0].version as string
  })
}

/** Holds a snapshot as long as it is used. */
export function withSnapshot<T>(
  connection: PostgresConnection,
  signal: AbortSignal,
  use: (snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  return withPostgres(connection, HINTS, { signal }, async (client) => {
    await client.query(`SET lock_timeout = ${LOCK_WITHIN_MS}; SET idle_in_transaction_session_timeout = 0`)
    // From 17 on.
    await client.query(`SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout'`)
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    const { rows } = await client.query('SELECT pg_export_snapshot() AS id')
    const survey = await surveyDatabase(client)
    return use({ id: rows[0].id, survey, assertHeld: () => assertHeld(client, connection.place) })
  })
}

async function assertHeld(client: Client, place: string): Promise<void> {
  try {
    await client.query('SELECT')
  } catch (error) {
    throw new LedgerError('target_unreachable', 'the snapshot that the dump was to show was lost on the way', {
      place: `Postgres, ${place}`,
      hint: HINTS.unreachable,
      retryable: true,
      cause: error,
    })
  }
}
