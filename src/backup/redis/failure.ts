import { LedgerError } from '../../domain/errors.js'
import { printable } from '../../domain/printable.js'
import type { RedisServer } from './server.js'

const DENIED = /NOAUTH|WRONGPASS|NOPERM|invalid password|Authentication required/i
const UNREACHED =
  /\b(ECONN|EHOST|ENET|ENOTFOUND|EAI_|EPIPE|ETIMEDOUT)|could not connect|connection (refused|timeout|reset|closed)|socket closed|CERT|SSL|TLS/i
/** After a write of which the disk took a part, redis-cli has no reason to tell. */
const NO_ROOM = /Error writing data to file|No space left on device|Disk quota exceeded/i

/** The rights that a user for backups needs; `-@all` before them makes them all it has. */
const RIGHTS = '+info +config|get +sync +psync +replconf +ping'

/** What went wrong with the server, from what the client threw. */
export function serverFailure(error: unknown, server: RedisServer): LedgerError {
  if (error instanceof LedgerError) return error
  const { code, message } = error as NodeJS.ErrnoException
  return failure(code === undefined || message.includes(code) ? message : `${code}: ${message}`, server, error)
}

/** What went wrong with the server, or with this machine's disk, from what redis-cli said. */
export function cliFailure(said: string, server: RedisServer): LedgerError {
  if (NO_ROOM.test(said))
    return new LedgerError('disk_full', `the snapshot does not fit on this machine: ${printable(said)}`, {
      place: server.place,
      hint: 'free some space, or name another disk with TMPDIR; earlier backups are as they were',
    })
  return failure(said, server)
}

function failure(said: string, { place }: RedisServer, cause?: unknown): LedgerError {
  const told = printable(said.slice(0, 600))
  if (DENIED.test(said))
    return new LedgerError('access_denied', `Redis refuses this user: ${told}`, {
      place,
      hint: `check user and password in OBLETH_LEDGER_REDIS_URL; a user for backups needs ${RIGHTS}`,
      cause,
    })
  if (UNREACHED.test(said))
    return new LedgerError('target_unreachable', `Redis cannot be reached: ${told}`, {
      place,
      hint: 'check the URL, and that the server runs; for a private CA name it with --redis-ca-file',
      retryable: true,
      cause,
    })
  return new LedgerError('target_failed', `Redis cannot do it: ${told}`, {
    place,
    hint: "look at the server's log, then run the same command again; earlier backups are as they were",
    cause,
  })
}
