import { setTimeout as sleep } from 'node:timers/promises'
import { LedgerError } from '../../domain/errors.js'
import { lastWords, run } from '../program.js'
import { type CheckedRdb, checkRdb } from './check-rdb.js'
import type { RedisConnection } from './client.js'
import { cliFailure, serverFailure } from './failure.js'
import { cliAccess, type RedisServer } from './server.js'

/** So often a server that sends a snapshot is asked whether it still answers. */
const ASK_EVERY_MS = 5_000

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
  // redis-cli would wait for a server that stands still for ever.
  await whileAnswering(server, connection, signal, async (answering) => {
    const ran = await run('redis-cli', [...args, '-e', '--rdb', file], { env, signal: answering })
    if (ran.exitCode !== 0) throw cliFailure(lastWords(ran), server)
  })
  const checked = await checkRdb(file, signal)
  if ('contents' in checked) return checked.contents
  throw new LedgerError('verification_failed', `the snapshot that came over the wire is damaged: ${checked.damage}`, {
    place: server.place,
    hint: 'run the same command again; earlier backups are as they were',
  })
}

async function whileAnswering(
  server: RedisServer,
  connection: RedisConnection,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const done = new AbortController()
  const silent = new AbortController()
  const asking = (async () => {
    for (;;) {
      await sleep(ASK_EVERY_MS, undefined, { signal: done.signal })
      await connection.send(['PING'])
    }
  })().catch((error) => {
    if (!done.signal.aborted) silent.abort(serverFailure(error, server))
  })
  try {
    await work(AbortSignal.any([signal, silent.signal]))
  } finally {
    done.abort()
    await asking
  }
}
