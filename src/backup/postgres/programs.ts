import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { BackupManifest } from '../../domain/backup.js'
import { LedgerError } from '../../domain/errors.js'
import { run } from '../program.js'

/** Debian and its derivatives keep each major version in a folder of its own. */
const VERSIONS = '/usr/lib/postgresql'

/** What is wanted of the programs, the one that has to be there, and Debian's package of it without the version. */
const USES = {
  dump: { lead: 'pg_dump', packaged: 'postgresql-client', of: 'the server' },
  restore: { lead: 'pg_restore', packaged: 'postgresql-client', of: 'the pg_dump that made the backup' },
  serve: { lead: 'initdb', packaged: 'postgresql', of: 'the server that was backed up' },
} as const

/** Programs of one version of PostgreSQL. */
export interface PostgresPrograms {
  /** `15.18`. */
  readonly version: string
  readonly major: number
  /** How to call one of them. */
  path(name: string): string
}

/**
 * Programs that can deal with a version: the oldest that are new enough, since what newer ones write can be read by no
 * older one, and since pg_restore 17 sets a parameter (transaction_timeout) that older servers refuse.
 *
 * @param version of the server or of the dump, `18.4`
 * @throws LedgerError `config` where there are none, `refused` where all are older
 */
export async function programsFor(
  use: keyof typeof USES,
  version: string,
  signal: AbortSignal,
): Promise<PostgresPrograms> {
  const { lead, packaged, of } = USES[use]
  const atLeast = majorOf(version)
  const installed = installedMajors(lead).find((major) => major >= atLeast)
  const path = (name: string) => (installed === undefined ? name : join(VERSIONS, String(installed), 'bin', name))
  const { stdout } = await run(path(lead), ['--version'], { signal })
  const found = /\(PostgreSQL\) (\d+[.\w]*)/.exec(stdout)?.[1] ?? '0'
  if (majorOf(found) >= atLeast) return { version: found, major: majorOf(found), path }
  throw new LedgerError('refused', `${lead} ${found} is older than ${of}, ${version}: it cannot deal with it`, {
    place: lead,
    hint: `install ${packaged}-${atLeast}, from PostgreSQL's own packages where the distribution lacks it, then run the same command again; nothing was changed, earlier backups are as they were`,
  })
}

/** The version whose format a dump has. */
export const dumpVersion = ({ programs, serverVersion }: BackupManifest): string => programs.pg_dump ?? serverVersion

export const majorOf = (version: string): number => Number.parseInt(version, 10)

/** Major versions whose folder has the program, in their order. */
function installedMajors(lead: string): number[] {
  if (!existsSync(VERSIONS)) return []
  return readdirSync(VERSIONS)
    .filter((name) => /^\d+$/.test(name) && existsSync(join(VERSIONS, name, 'bin', lead)))
    .map(Number)
    .sort((a, b) => a - b)
}
