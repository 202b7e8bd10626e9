import { randomBytes } from 'node:crypto'
import { chown, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LedgerError } from '../../domain/errors.js'
import { printable } from '../../domain/printable.js'
import type { PostgresConnection } from '../../postgres/connection.js'
import { lastWords, type ProgramOptions, run } from '../program.js'
import type { PostgresPrograms } from './programs.js'

/** No role of anybody's server. */
const OWNER = 'obleth_ledger_drill'
const PORT = 5432
const SETTINGS = ['fsync=off', 'listen_addresses=', 'max_locks_per_transaction=4096', 'autovacuum=off']

/**
 * Runs a server of its own for one use, and takes it down. It listens on a socket in a folder that nobody else may enter,
 * on no network, and knows nothing of any other server.
 */
export async function withScratchServer<T>(
  { path }: PostgresPrograms,
  encoding: string,
  signal: AbortSignal,
  use: (connection: PostgresConnection) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'obleth-ledger-drill-'))
  const options = { cwd: folder, signal, ...(await serverUser(folder, signal)) }
  const data = join(folder, 'data')
  const log = join(folder, 'log')
  const settings = [...SETTINGS, `unix_socket_directories=${folder}`].map((setting) => `-c ${setting}`).join(' ')
  try {
    await succeed(
      path('initdb'),
      ['-D', data, '-U', OWNER, '-A', 'trust', '-E', encoding, '--locale=C', '--no-sync'],
      options,
    )
    try {
      await succeed(path('pg_ctl'), ['-D', data, '-l', log, '-w', '-o', settings, 'start'], options, log)
      return await use(connectionTo(folder))
    } finally {
      const stopped = { ...options, signal: new AbortController().signal }
      await run(path('pg_ctl'), ['-D', data, '-w', '-m', 'immediate', 'stop'], stopped)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** PostgreSQL refuses to run as root: then it runs as the user of Debian's packages, who gets the folder. */
async function serverUser(folder: string, signal: AbortSignal): Promise<Pick<ProgramOptions, 'as'>> {
  if (process.getuid?.() !== 0) return {}
  const ids = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, 'postgres'], { signal })))
  const [uid, gid] = ids.map(({ exitCode, stdout }) => (exitCode === 0 ? Number(stdout) : Number.NaN))
  if (Number.isNaN(uid) || Number.isNaN(gid))
    throw new LedgerError('config', 'PostgreSQL does not run as root, and there is no user postgres', {
      hint: 'run the drill as another user, or install the Debian package postgresql',
    })
  await chown(folder, uid, gid)
  return { as: { uid, gid } }
}

async function succeed(program: string, args: readonly string[], options: ProgramOptions, log?: string): Promise<void> {
  const ran = await run(program, args, options)
  if (ran.exitCode === 0) return
  const said = log === undefined ? '' : await readFile(log, 'utf8').catch(() => '')
  throw new LedgerError(
    'target_failed',
    `the scratch server does not start: ${lastWords({ ...ran, stderr: said || ran.stderr })}`,
    {
      place: printable(program),
      hint: 'see what the message says; TMPDIR names another disk for the scratch server, whose user (as root: postgres) has to get there',
    },
  )
}

function connectionTo(folder: string): PostgresConnection {
  return {
    host: folder,
    port: PORT,
    user: OWNER,
    database: 'postgres',
    password: undefined,
    sslMode: 'disable',
    others: new Map(),
    place: `scratch server ${randomBytes(2).toString('hex')}`,
  }
}
