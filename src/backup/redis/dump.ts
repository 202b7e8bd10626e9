import { stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { LedgerError } from '../../domain/errors.js'
import { lastWords, run } from '../program.js'
import { type CheckedRdb, checkRdb } from './check-rdb.js'
import type { RedisConnection } from './client.js'
import { cliFailure, serverFailure } from './failure.js'
import { cliAccess, type RedisServer } from './server.js'

/** So often a server that sends a snapshot is asked whether it still answers. */
const ASK_EVERY_MS = 5_000
/** Longest pause in a snapshot that has begun to come; before that the server may be writing it for hours. */
const LONGEST_PAUSE_MS = 60_000

/**
 * Takes a snapshot over the wire, as a replica would, into a file (into a pipe redis-cli would put a mark behind it), and
 * proves it.
 *
 * @throws LedgerError `access_denied`, `target_unreachable`, `target_failed`, `disk_full`, `verification_failed`
 */
export async function dumpRdb(
  server: RedisServer,
  connection: RedisConnection,
  file: string,
  signal: AbortSignal,
): Promise<Extract<CheckedRdb, { contents: unknown }>['contents']> {
  const { args, env } = cliAccess(server)
  await whileComing(file, server, connection, signal, async (coming) => {
    const ran = await run('redis-cli', [...args, '-e', '--rdb', file], { env, signal: coming })
    if (ran.exitCode !== 0) throw cliFailure(lastWords(ran), server)
  })
  const checked = await checkRdb(file, signal)
  if ('contents' in checked) return checked.contents
  throw new LedgerError('verification_failed', `the snapshot that came over the wire is damaged: ${checked.damage}`, {
    place: server.place,
    hint: 'run the same command again; earlier backups are as they were',
  })
}

/** redis-cli would wait for a server or a connection that stands still for ever. */
async function whileComing(
  file: string,
  server: RedisServer,
  connection: RedisConnection,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const done = new AbortController()
  const silent = new AbortController()
  const watching = watch(file, server, connection, done.signal).catch((error) => {
    if (!done.signal.aborted) silent.abort(error)
  })
  try {
    await work(AbortSignal.any([signal, silent.signal]))
  } finally {
    done.abort()
    await watching
  }
}

/** Throws `target_unreachable` when the server no longer answers, or its snapshot no longer grows. */
async function watch(
  file: string,
  server: RedisServer,
  connection: RedisConnection,
  signal: AbortSignal,
): Promise<never> {
  let bytes = 0
  let grewAt = performance.now()
  for (;;) {
    await sleep(ASK_EVERY_MS, undefined, { signal })
    await connection.send(['PING'])
    const now = await stat(file).then(
      ({ size }) => size,
      () => 0,
    )
    if (now > bytes || bytes === 0) grewAt = performance.now()
    bytes = now
    if (performance.now() - grewAt > LONGEST_PAUSE_MS)
      throw serverFailure(new Error(`ETIMEDOUT: the snapshot stands still at ${bytes} bytes`), server)
  }
}
