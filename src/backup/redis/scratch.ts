import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LedgerError } from '../../domain/errors.js'
import { printable } from '../../domain/printable.js'
import { stream } from '../program.js'
import { connectToSocket, type RedisConnection } from './client.js'
import { readInfo } from './facts.js'
import { readSmall } from './small-file.js'

const LOOK_EVERY_MS = 50
const WORDS = 500
/** No server of anybody else. */
const SCRATCH = {
  host: '',
  port: 0,
  user: '',
  password: '',
  tls: false,
  caFile: undefined,
  place: 'scratch redis-server',
}

/**
 * Starts a redis-server on a directory, hands over a connection to it once it has loaded all, and takes it down again. It
 * listens on a socket file in a folder that only this user may enter: a backup holds what nobody else may read.
 *
 * @throws LedgerError `verification_failed` with the server's own words where it does not start on that directory
 */
export async function withScratchServer<T>(
  dataDir: string,
  appendonly: 'yes' | 'no',
  signal: AbortSignal,
  use: (connection: RedisConnection) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'obleth-ledger-scratch-'))
  const socket = join(folder, 's')
  const log = join(folder, 'log')
  const settings = { port: '0', unixsocket: socket, dir: dataDir, appendonly, save: '', logfile: log }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  const server = stream('redis-server', [...args, '--enable-debug-command', 'local'], { signal })
  let ended = false
  const end = server.ended().finally(() => {
    ended = true
  })
  // Looked at below; told here so that an early end is no unhandled one.
  end.catch(() => {})
  try {
    const connection = await loaded(socket, () => ended, signal)
    if (connection === null) {
      // A missing program is told as such.
      await end
      throw new LedgerError('verification_failed', `redis-server does not start on it: ${await lastOf(log)}`, {
        place: printable(dataDir),
        hint: 'obleth-ledger backups verify tells what is wrong with a backup',
      })
    }
    try {
      return await use(connection)
    } finally {
      connection.close()
    }
  } finally {
    server.stop()
    await end.catch(() => {})
    await rm(folder, { recursive: true, force: true })
  }
}

/** A connection to the server once it has loaded its data; null where it has ended instead. */
async function loaded(socket: string, ended: () => boolean, signal: AbortSignal): Promise<RedisConnection | null> {
  for (;;) {
    signal.throwIfAborted()
    if (ended()) return null
    const connection = await connectToSocket(socket, SCRATCH).catch(() => null)
    const info = connection === null ? null : await readInfo(connection).catch(() => null)
    if (connection !== null && info?.get('loading') === '0') return connection
    connection?.close()
    await sleep(LOOK_EVERY_MS, undefined, { signal })
  }
}

async function lastOf(log: string): Promise<string> {
  const text = await readSmall(log).catch(() => '')
  return printable(text.trim().split('\n').slice(-2).join('; ').slice(-WORDS)) || 'it said nothing'
}
