import type { Client } from 'pg'
import { z } from 'zod'
import type { Problem, StoreReport } from '../domain/doctor.js'
import { LedgerError } from '../domain/errors.js'
import type { Secret } from '../domain/options.js'
import { type PostgresHints, withPostgres } from '../postgres/client.js'
import { parsePostgresUrl } from '../postgres/connection.js'
import { unknown, unreachable } from './unreachable.js'

const ANSWER_WITHIN_MS = 20_000
const LOST = 'obleth-ledger doctor --lost postgres tells what to do'
/** Without these obleth knows nobody (DOMAIN section 1: they are what Postgres is there for). */
const NEEDED = ['tenants', 'api_keys']

const HINTS: PostgresHints = {
  doing: 'be looked at',
  denied: 'check user and password in OBLETH_LEDGER_POSTGRES_URL',
  failed: LOST,
  unreachable: LOST,
}

const ROW = z.object({
  version: z.string(),
  bytes: z.string(),
  found: z.array(z.string()),
  archive_mode: z.string(),
  standbys: z.number(),
})

const ARCHIVER = z.object({
  archived: z.string().nullable(),
  failed: z.string().nullable(),
  failing: z.boolean(),
})

/** Looks at obleth's Postgres. Never throws for what it finds, nor where it finds nothing. */
export async function examinePostgres(url: Secret | undefined, signal: AbortSignal): Promise<StoreReport> {
  if (url === undefined) return unknown('postgres')
  let place = 'postgres'
  try {
    const connection = parsePostgresUrl(url)
    place = connection.place
    return await withPostgres(connection, HINTS, { answerWithinMs: ANSWER_WITHIN_MS, signal }, (client) =>
      examine(client, place),
    )
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error
    return unreachable('postgres', place, error, LOST)
  }
}

async function examine(client: Client, place: string): Promise<StoreReport> {
  const { rows } = await client.query(
    `SELECT current_setting('server_version') AS version, pg_database_size(current_database())::text AS bytes,
       array(SELECT name::text FROM unnest($1::text[]) AS name WHERE to_regclass(quote_ident(name)) IS NOT NULL) AS found,
       current_setting('archive_mode') AS archive_mode,
       (SELECT count(*)::int FROM pg_stat_replication) AS standbys`,
    [NEEDED],
  )
  const { version, bytes, found, archive_mode, standbys } = ROW.parse(rows[0])
  const missing = NEEDED.filter((name) => !found.includes(name))
  const archiving = archive_mode === 'off' ? null : await archiver(client)
  const problems: Problem[] = [
    ...(missing.length === 0
      ? []
      : [
          {
            about: 'postgres',
            reason: `its database has no ${missing.join(', no ')}: it is not obleth's, or lost`,
            next: LOST,
          },
        ]),
    ...(archiving?.failing
      ? [
          {
            about: 'postgres',
            reason: `its WAL is not archived: the last attempt failed at ${archiving.failed}`,
            next: 'obleth-ledger pitr check names the cause',
          },
        ]
      : []),
  ]
  return {
    store: 'postgres',
    health: problems.length === 0 ? 'ok' : 'attention',
    place,
    facts: [
      { name: 'version', value: version },
      { name: 'size', value: `${bytes} bytes` },
      { name: 'standbys', value: String(standbys) },
      {
        name: 'archiving',
        value:
          archiving === null ? 'off: only full dumps bring it back' : `last at ${archiving.archived ?? 'no time yet'}`,
      },
    ],
    problems,
  }
}

/** What pg_stat_archiver tells: archiving fails while its last failure is younger than its last success. */
async function archiver(client: Client): Promise<z.infer<typeof ARCHIVER>> {
  const { rows } = await client.query(
    `SELECT to_char(last_archived_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS archived,
       to_char(last_failed_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS failed,
       coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) AS failing
     FROM pg_stat_archiver`,
  )
  return ARCHIVER.parse(rows[0])
}
