import type { BackupManifest } from '../../domain/backup.js'
import { libpqEnvironment, type PostgresConnection } from '../../postgres/connection.js'
import { stream } from '../program.js'
import type { Taken } from '../store.js'
import type { BackupWriter } from '../writer.js'
import { dumpError } from './errors.js'
import { type PostgresPrograms, programsFor } from './programs.js'
import { LOCK_WITHIN_MS, type Snapshot, versionOf, withSnapshot } from './snapshot.js'
import type { Survey } from './survey.js'

/** The dump, in pg_dump's custom format. */
export const DUMP = 'database.dump'
/** Roles, as pg_dumpall writes them. */
export const GLOBALS = 'globals.sql'

/**
 * Full dump of a database in one snapshot, with the roles of its server. The server's version is compared before anything
 * is written; the bytes of a pg_dump that failed, or whose snapshot was lost, never become a file.
 */
export async function backupPostgres(connection: PostgresConnection, writer: BackupWriter): Promise<Taken> {
  const { signal } = writer
  const programs = await programsFor('dump', await versionOf(connection, signal), signal)
  return withSnapshot(connection, signal, async (snapshot) => {
    const { survey } = snapshot
    await writer.add(DUMP, dump(connection, programs, snapshot, signal))
    await writer.add(GLOBALS, globals(connection, programs, survey, signal))
    return {
      programs: { pg_dump: programs.version },
      serverVersion: survey.version,
      source: connection.place,
      contents: contentsOf(connection, survey),
      notes: notesOf(survey),
    }
  })
}

async function* dump(
  connection: PostgresConnection,
  programs: PostgresPrograms,
  snapshot: Snapshot,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const args = ['-w', '-F', 'c', `--snapshot=${snapshot.id}`, `--lock-wait-timeout=${LOCK_WITHIN_MS}`]
  yield* outputOf(programs, 'pg_dump', args, connection, signal)
  await snapshot.assertHeld()
}

async function* globals(
  connection: PostgresConnection,
  programs: PostgresPrograms,
  { superuser }: Survey,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  // It would ask the databases postgres and template1 for the roles, where this user may have no right to be.
  const database = `dbname='${connection.database.replace(/['\\]/g, '\\$&')}'`
  const args = ['-w', '--globals-only', '-l', database, ...(superuser ? [] : ['--no-role-passwords'])]
  yield* outputOf(programs, 'pg_dumpall', args, connection, signal)
}

async function* outputOf(
  programs: PostgresPrograms,
  program: string,
  args: readonly string[],
  connection: PostgresConnection,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const running = stream(programs.path(program), args, { env: libpqEnvironment(connection), signal })
  try {
    yield* running.stdout
    const ran = await running.ended()
    if (ran.exitCode !== 0) throw dumpError(program, ran, `Postgres, ${connection.place}`)
  } finally {
    running.stop()
  }
}

function contentsOf({ database }: PostgresConnection, survey: Survey): BackupManifest['contents'] {
  return {
    databases: [database],
    tables: survey.tables,
    facts: {
      schema: survey.schema,
      largeObjects: survey.largeObjects,
      dumpedTables: survey.dumpedTables,
      encoding: survey.encoding,
      extensions: [...survey.extensions.keys()],
      roles: survey.roles,
      rolePasswords: survey.superuser,
    },
  }
}

function notesOf({ superuser, user, extensions, foreignTables }: Survey): string[] {
  return [
    ...(superuser
      ? []
      : [`the roles have no passwords, which only a superuser may read (${user} is none): set them after a restore`]),
    ...(extensions.size === 0
      ? []
      : [
          `a server to restore into needs the packages of these extensions: ${[...extensions].map((words) => words.join(' ')).join(', ')}`,
        ]),
    ...(foreignTables.length === 0
      ? []
      : [`rows of foreign tables are elsewhere and not in this backup: ${foreignTables.join(', ')}`]),
  ]
}
