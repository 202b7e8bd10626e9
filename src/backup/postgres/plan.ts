import type { Client } from 'pg'
import type { BackupManifest } from '../../domain/backup.js'
import { LedgerError } from '../../domain/errors.js'
import type { PostgresRestorePlan, ReplacedTable, RolesRule } from '../../domain/postgres-restore.js'
import { withPostgres } from '../../postgres/client.js'
import type { PostgresConnection } from '../../postgres/connection.js'
import { namesOf } from './compare.js'
import { RESTORE_HINTS } from './errors.js'
import { majorOf } from './programs.js'
import { rolesOf } from './roles.js'
import { otherSessions } from './sessions.js'
import { type Survey, surveyDatabase } from './survey.js'

/**
 * Looks at the target of a restore and says what would be replaced.
 *
 * @throws LedgerError `refused` for a server that is older than the backup's, a database that does not exist, missing roles
 *   (with the rule `require`) and extensions
 */
export async function planRestore(
  manifest: BackupManifest,
  place: string,
  target: PostgresConnection,
  rule: RolesRule,
  lockTimeoutMs: number,
  signal: AbortSignal,
): Promise<PostgresRestorePlan> {
  const look = (client: Client) => lookAt(client, lockTimeoutMs)
  const found = await withPostgres(target, RESTORE_HINTS, { signal }, look).catch((error: unknown) => {
    throw isMissing(error) ? missingDatabase(target) : error
  })
  const missingRoles = namesOf(manifest.contents.facts.roles).filter((name) => !found.roles.has(name))
  refuse(reasonsAgainst(manifest, found, rule === 'require' ? missingRoles : []), target)
  const { survey } = found
  const kept = survey.foreignExtensions.filter((name) => namesOf(manifest.contents.facts.extensions).includes(name))
  return {
    backup: manifest.id,
    place,
    takenAt: manifest.startedAt,
    backupVersion: manifest.serverVersion,
    target: target.place,
    targetVersion: survey.version,
    tables: replaced(survey, manifest),
    largeObjects: { now: survey.largeObjects, inBackup: Number(manifest.contents.facts.largeObjects) },
    sessions: found.sessions,
    roles: { rule, missing: missingRoles },
    keptExtensions: kept,
    notes: [...manifest.notes, ...notesOn(survey)],
  }
}

function notesOn({ defaultGrants }: Survey): string[] {
  if (defaultGrants === 0) return []
  return [
    `the target has ${defaultGrants} rules of default privileges (\\ddp in psql): what the restore makes gets these rights besides those of the backup; restore into a new database, or revoke them first`,
  ]
}

interface Target {
  readonly survey: Survey
  readonly sessions: PostgresRestorePlan['sessions']
  readonly roles: ReadonlySet<string>
  readonly available: ReadonlySet<string>
}

/** What a database holds now, and who else is in it. */
async function lookAt(client: Client, lockTimeoutMs: number): Promise<Target> {
  await client.query(`SET lock_timeout = ${lockTimeoutMs}; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
  const survey = await surveyDatabase(client)
  const roles = await rolesOf(client)
  const { rows } = await client.query('SELECT name::text AS name FROM pg_catalog.pg_available_extensions')
  const sessions = await otherSessions(client)
  await client.query('COMMIT')
  return { survey, sessions, roles, available: new Set(rows.map(({ name }) => name as string)) }
}

function reasonsAgainst(manifest: BackupManifest, { survey, available }: Target, roles: readonly string[]): string[] {
  const extensions = namesOf(manifest.contents.facts.extensions).filter((name) => !available.has(name))
  return [
    ...(majorOf(manifest.serverVersion) > survey.major
      ? [
          `the backup is of PostgreSQL ${manifest.serverVersion}, the target is ${survey.version}: use a server that is as new`,
        ]
      : []),
    ...(roles.length === 0
      ? []
      : [
          `roles that own objects of the backup, or have rights on them, are missing on the target: ${roles.join(', ')}; --roles create makes them from the backup, --roles ignore does without owners and grants`,
        ]),
    ...(extensions.length === 0
      ? []
      : [
          `extensions are not installed on the target's server: ${extensions.join(', ')} (postgresql-contrib holds many)`,
        ]),
  ]
}

function refuse(reasons: readonly string[], target: PostgresConnection): void {
  if (reasons.length === 0) return
  throw new LedgerError('refused', `the backup cannot be restored there as it is\n${reasons.join('\n')}`, {
    place: `Postgres, ${target.place}`,
    hint: 'do what each line says, then run the same command again; nothing was changed',
  })
}

function replaced({ tables }: Survey, { contents }: BackupManifest): ReplacedTable[] {
  const now = new Map(tables.map(({ table, rows }) => [table, rows]))
  const inBackup = new Map(contents.tables.map(({ table, rows }) => [table, rows]))
  return [...new Set([...inBackup.keys(), ...now.keys()])]
    .sort()
    .map((table) => ({ table, now: now.get(table) ?? null, inBackup: inBackup.get(table) ?? null }))
}

/** SQLSTATE of a database that does not exist. */
const isMissing = (error: unknown) => (error as { cause?: { code?: unknown } }).cause?.code === '3D000'

function missingDatabase({ host, port, user, database, place }: PostgresConnection): LedgerError {
  return new LedgerError('refused', 'the database to restore into does not exist', {
    place: `Postgres, ${place}`,
    hint: `create it, then run the same command again: createdb -h ${host} -p ${port} -U ${user} ${database}`,
  })
}
