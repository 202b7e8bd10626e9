import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { LedgerError } from '../../domain/errors.js'
import type { PostgresSession } from '../../domain/postgres-restore.js'
import { printable } from '../../domain/printable.js'

const LOOK_EVERY_MS = 500

const SESSIONS = `SELECT pid, COALESCE(usename::text, '') AS user, COALESCE(application_name, '') AS application,
    host(client_addr) AS client, state,
    to_char(xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "transactionSince"
  FROM pg_catalog.pg_stat_activity`

/** Other sessions of clients in this database. */
export async function otherSessions(client: Client): Promise<PostgresSession[]> {
  const { rows } = await client.query(
    `${SESSIONS} WHERE datname = current_database() AND pid <> pg_backend_pid()
      AND COALESCE(backend_type, 'client backend') = 'client backend' ORDER BY pid`,
  )
  return rows as PostgresSession[]
}

/** A session, for a message: who it is, and since when its transaction is open. */
function sessionText({ pid, user, application, client, state, transactionSince }: PostgresSession): string {
  const details = [
    user === '' ? '' : `user ${user}`,
    application,
    client === null ? '' : `from ${client}`,
    state ?? '',
    transactionSince === null ? '' : `in a transaction since ${transactionSince}`,
  ]
  return printable(`pid ${pid} (${details.filter((detail) => detail !== '').join(', ')})`)
}

/**
 * Watches a program that restores, as long as it runs: pg_restore switches lock_timeout off, so that it would wait for ever
 * behind an open transaction. One that has waited too long is cancelled; its transaction rolls back.
 *
 * @param application what the program's session calls itself
 * @param done aborted when the program has ended
 * @returns why it was cancelled, or null
 */
export async function watchLocks(
  client: Client,
  application: string,
  waitMs: number,
  done: AbortSignal,
): Promise<LedgerError | null> {
  let waitingSince: number | null = null
  while (!done.aborted) {
    const { rows } = await client.query(
      `SELECT pid, pg_catalog.pg_blocking_pids(pid) AS blockers FROM pg_catalog.pg_stat_activity
        WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid()
          AND pg_catalog.cardinality(pg_catalog.pg_blocking_pids(pid)) > 0`,
      [application],
    )
    waitingSince = rows.length === 0 ? null : (waitingSince ?? performance.now())
    if (waitingSince !== null && performance.now() - waitingSince >= waitMs) {
      const blockers = await client.query(`${SESSIONS} WHERE pid = ANY ($1)`, [rows[0].blockers])
      await client.query('SELECT pg_catalog.pg_cancel_backend($1)', [rows[0].pid])
      return blocked(blockers.rows as PostgresSession[], waitMs)
    }
    await sleep(LOOK_EVERY_MS, null, { signal: done }).catch(() => {})
  }
  return null
}

function blocked(blockers: readonly PostgresSession[], waitMs: number): LedgerError {
  const who = blockers.map(sessionText).join('; ') || 'a session that has gone meanwhile'
  return new LedgerError(
    'target_locked',
    `the restore waited ${waitMs / 1000} s for a lock that is held by ${who}; the target is as it was`,
    {
      place: 'Postgres',
      hint: 'stop the pods, or end that session (SELECT pg_terminate_backend(pid)), then run the same command again; --lock-timeout waits longer',
    },
  )
}
