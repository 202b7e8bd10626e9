import { chmod, chown, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LedgerError } from '../../domain/errors.js'
import { withPostgres } from '../../postgres/client.js'
import type { PostgresConnection } from '../../postgres/connection.js'
import { lastWords, type ProgramOptions, type Ran, run } from '../program.js'
import { temporaryFolder } from '../temporary.js'
import { RESTORE_HINTS } from './errors.js'
import type { PostgresPrograms } from './programs.js'

/** No role of anybody's server. */
const OWNER = 'obleth_ledger_drill'
const PORT = 5432
const LOOK_EVERY_MS = 50
const CLUSTER = ['-U', OWNER, '-A', 'trust', '--locale=C', '--no-sync']
const SETTINGS = ['fsync=off', 'listen_addresses=', 'max_locks_per_transaction=4096', 'autovacuum=off']

/**
 * Runs a server of its own for one use, and takes it down; it ends with this process, too. It listens on a socket in a folder that nobody else may enter,
 * on no network, and knows nothing of any other server.
 */
export async function withScratchServer<T>(
  { path }: PostgresPrograms,
  encoding: string,
  signal: AbortSignal,
  use: (connection: PostgresConnection) => Promise<T>,
): Promise<T> {
  const outer = await temporaryFolder('drill')
  try {
    const folder = join(outer, 'server')
    const options = { cwd: folder, ...(await serverFolder(outer, folder, signal)) }
    const data = join(folder, 'data')
    const made = await run(path('initdb'), ['-D', data, '-E', encoding, ...CLUSTER], { ...options, signal })
    if (made.exitCode !== 0) throw notStarted(made)
    const stop = new AbortController()
    const settings = [...SETTINGS, `unix_socket_directories=${folder}`].flatMap((setting) => ['-c', setting])
    const server = run(path('postgres'), ['-D', data, ...settings], {
      ...options,
      signal: stop.signal,
      endsWithUs: true,
    })
    try {
      const connection = connectionTo(folder)
      const waiting = AbortSignal.any([signal, stop.signal])
      await Promise.race([answering(connection, waiting), server.then((ended) => Promise.reject(notStarted(ended)))])
      return await use(connection)
    } finally {
      stop.abort()
      await server.catch(() => {})
    }
  } finally {
    await rm(outer, { recursive: true, force: true })
  }
}

async function answering(connection: PostgresConnection, signal: AbortSignal): Promise<void> {
  for (;;) {
    const answers = withPostgres(connection, RESTORE_HINTS, { signal }, async () => true)
    if (await answers.catch(() => false)) return
    await sleep(LOOK_EVERY_MS, null, { signal })
  }
}

function notStarted(ran: Ran): LedgerError {
  return new LedgerError('target_failed', `the scratch server does not run: ${lastWords(ran)}`, {
    place: 'scratch server',
    hint: 'see what the message says; TMPDIR names another disk for the scratch server, whose user (as root: postgres) has to get there',
  })
}

/** PostgreSQL refuses to run as root: then it runs as the user of Debian's packages, whose the folder becomes. */
async function serverFolder(outer: string, folder: string, signal: AbortSignal): Promise<Pick<ProgramOptions, 'as'>> {
  await mkdir(folder, { mode: 0o700 })
  if (process.getuid?.() !== 0) return {}
  const ids = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, 'postgres'], { signal })))
  const [uid, gid] = ids.map(({ exitCode, stdout }) => (exitCode === 0 ? Number(stdout) : Number.NaN))
  if (Number.isNaN(uid) || Number.isNaN(gid))
    throw new LedgerError('config', 'PostgreSQL does not run as root, and there is no user postgres', {
      hint: 'run the drill as another user, or install the Debian package postgresql',
    })
  await chmod(outer, 0o711)
  await chown(folder, uid, gid)
  return { as: { uid, gid } }
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
    place: 'scratch server',
  }
}
