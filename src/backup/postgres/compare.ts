import type { BackupManifest, TableRows } from '../../domain/backup.js'
import { withPostgres } from '../../postgres/client.js'
import type { PostgresConnection } from '../../postgres/connection.js'
import { RESTORE_HINTS } from './errors.js'
import { type Survey, surveyDatabase } from './survey.js'

export interface Compared {
  /** Every table that is there now. */
  readonly tables: readonly TableRows[]
  readonly differences: readonly string[]
}

/** Counts what is in a database and compares it with a backup that was restored into it. */
export async function compareWith(
  manifest: BackupManifest,
  target: PostgresConnection,
  signal: AbortSignal,
): Promise<Compared> {
  const hints = { ...RESTORE_HINTS, doing: 'be counted' }
  const survey = await withPostgres(target, hints, { signal }, async (client) => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    return surveyDatabase(client)
  })
  return { tables: survey.tables, differences: differencesOf(manifest, survey) }
}

/** What of a backup is not in a database as it was counted when the backup was taken. What is there besides is no difference. */
function differencesOf({ contents }: BackupManifest, there: Survey): string[] {
  const rows = new Map(there.tables.map(({ table, rows }) => [table, rows]))
  const tables = contents.tables.flatMap(({ table, rows: expected }) => {
    const found = rows.get(table)
    if (found === expected) return []
    return [`${table} ${found === undefined ? 'is missing' : `has ${found} rows`} where the backup has ${expected}`]
  })
  const { largeObjects, extensions } = contents.facts
  const missing = namesOf(extensions).filter((name) => !there.extensions.has(name))
  return [
    ...tables,
    // Those of the target that the backup does not have stay, as tables do.
    ...(there.largeObjects >= Number(largeObjects)
      ? []
      : [`there are only ${there.largeObjects} large objects where the backup has ${largeObjects}`]),
    ...missing.map((name) => `the extension ${name} is missing`),
  ]
}

/** A fact that is a list of names. */
export const namesOf = (fact: BackupManifest['contents']['facts'][string] | undefined): readonly string[] =>
  Array.isArray(fact) ? (fact as readonly string[]) : []
