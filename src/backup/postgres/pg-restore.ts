import { writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { libpqEnvironment, type PostgresConnection } from '../../postgres/connection.js'
import { lastWords, run, stream } from '../program.js'
import type { Spooled } from '../store.js'
import { DUMP } from './dump.js'
import { restoreError } from './errors.js'
import type { PostgresPrograms } from './programs.js'

const MOST_LOST = 10_000

export interface RestoreRequest {
  readonly programs: PostgresPrograms
  readonly spooled: Spooled
  readonly target: PostgresConnection
  /** What its session calls itself. */
  readonly application: string
  /** False: neither owners nor grants. */
  readonly owners: boolean
  /** Extensions of the target that are left as they are. */
  readonly keptExtensions: readonly string[]
}

/**
 * Runs pg_restore in one transaction, which replaces what the backup has and leaves the rest. Any error takes all of it
 * back: without `-1` it goes on after errors, and doubles the rows of tables that it could not drop. It ends with this
 * process: one that waits for a lock would else replace the target at a time when nobody thinks of it any more.
 *
 * @throws LedgerError by what pg_restore said
 */
export async function pgRestore(request: RestoreRequest, signal: AbortSignal): Promise<void> {
  const { programs, spooled, target, application, owners } = request
  const list = await listWithout(request, signal)
  const args = [
    '-w',
    '-1',
    '--clean',
    '--if-exists',
    ...(owners ? [] : ['--no-owner', '--no-privileges']),
    ...(list === null ? [] : ['-L', list]),
    // The name comes from the environment; without the option it would print SQL.
    '-d',
    '',
    spooled.file(DUMP),
  ]
  const env = { ...libpqEnvironment(target), PGAPPNAME: application }
  const ran = await run(programs.path('pg_restore'), args, { env, signal, endsWithUs: true })
  if (ran.exitCode !== 0) throw restoreError(ran, `Postgres, ${target.place}`)
}

/** A table of contents without some extensions, whose comment even belongs to their owner; null where there are none to leave out. */
async function listWithout(
  { programs, spooled, target, keptExtensions }: RestoreRequest,
  signal: AbortSignal,
): Promise<string | null> {
  if (keptExtensions.length === 0) return null
  const listed = await run(programs.path('pg_restore'), ['-l', spooled.file(DUMP)], { signal })
  if (listed.exitCode !== 0) throw restoreError(listed, `Postgres, ${target.place}`)
  const left = listed.stdout.split('\n').filter((line) => {
    const name = /^\d+; \d+ \d+ (?:EXTENSION - |COMMENT - EXTENSION )(\S+)/.exec(line)?.[1]
    return name === undefined || !keptExtensions.includes(name)
  })
  const file = spooled.file('contents.list')
  await writeFile(file, left.join('\n'), { mode: 0o600 })
  return file
}

/** Owners and grants that a restore without them leaves out, as the statements that would make them. */
export async function lostGrants(
  programs: PostgresPrograms,
  { file }: Spooled,
  signal: AbortSignal,
): Promise<string[]> {
  const running = stream(programs.path('pg_restore'), ['--schema-only', '-f', '-', file(DUMP)], { signal })
  const lost: string[] = []
  for await (const line of createInterface({ input: Readable.from(running.stdout) }))
    if (/^(?:GRANT |REVOKE |ALTER DEFAULT PRIVILEGES |ALTER .* OWNER TO ).*;$/.test(line) && lost.length < MOST_LOST)
      lost.push(line)
  const ran = await running.ended()
  if (ran.exitCode !== 0) lost.push(`-- the list is not whole: ${lastWords(ran)}`)
  return lost
}
