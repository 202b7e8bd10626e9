import { z } from 'zod'
import type { ArchivedCluster, ServerArchiving } from '../../domain/pitr.js'
import { lastWords, type ProgramOptions, run } from '../program.js'

const ANSWER = z.object({
  version: z.string(),
  inRecovery: z.boolean(),
  walLevel: z.string(),
  archiveMode: z.string(),
  lastArchivedWal: z.string().nullable(),
  lastArchivedAt: z.string().nullable(),
  lastFailedWal: z.string().nullable(),
  lastFailedAt: z.string().nullable(),
  failing: z.boolean(),
})

const utc = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`

/** A failed attempt later than the last success: the server tries the same segment again and again, and keeps its WAL. */
const QUESTION = `SELECT json_build_object(
  'version', current_setting('server_version'), 'inRecovery', pg_is_in_recovery(),
  'walLevel', current_setting('wal_level'), 'archiveMode', current_setting('archive_mode'),
  'lastArchivedWal', last_archived_wal, 'lastArchivedAt', ${utc('last_archived_time')},
  'lastFailedWal', last_failed_wal, 'lastFailedAt', ${utc('last_failed_time')},
  'failing', coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false)
) FROM pg_stat_archiver`

/** Seconds for the connection itself; libpq takes no less than two. */
const CONNECT_S = '5'

/**
 * What pg_stat_archiver says; where the server does not, why. Asked by psql, as the cluster's owner, whom the server
 * lets in by its socket; another user's password comes from PGPASSWORD or ~/.pgpass.
 */
export async function askServer(
  { host, port, user, timeoutMs }: ArchivedCluster,
  options: ProgramOptions,
): Promise<ServerArchiving | { readonly unreachable: string }> {
  const env = {
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGDATABASE: 'postgres',
    PGCONNECT_TIMEOUT: CONNECT_S,
  }
  const args = ['-X', '-w', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-c', QUESTION]
  const ran = await run('psql', args, { ...options, env, deadlineMs: timeoutMs })
  return ran.exitCode === 0 ? ANSWER.parse(JSON.parse(ran.stdout)) : { unreachable: lastWords(ran, 2) }
}
