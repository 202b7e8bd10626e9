import { setTimeout as sleep } from 'node:timers/promises'
import { LedgerError } from '../../domain/errors.js'
import type { Persistence, RedisOptions } from '../../domain/redis.js'
import { connect, type RedisConnection } from './client.js'
import { readConfig, readInfo } from './facts.js'
import { look, WITHOUT_FILE } from './persistence.js'
import { redisServer } from './server.js'

/** The setting that costs nothing first: when appendonly follows, it holds from the first byte. */
const WANTED: readonly { readonly name: string; readonly to: string; readonly alsoGood: readonly string[] }[] = [
  { name: 'appendfsync', to: 'everysec', alsoGood: ['always'] },
  { name: 'appendonly', to: 'yes', alsoGood: [] },
]

const LOOK_EVERY_MS = 200
/** Longest wait for the server to write its first AOF. */
const WRITTEN_WITHIN_MS = 30 * 60_000

/**
 * Switches persistence on in a running server, reads the settings back, waits until the first AOF is whole, and only then
 * writes the settings to the config file: a server that starts with `appendonly yes` and without an AOF starts empty.
 * Done twice it does no harm; interrupted it is gone on with.
 *
 * @throws LedgerError `target_unreachable`, `access_denied`, `target_failed` naming what else can be done
 */
export async function enablePersistence(options: RedisOptions, signal: AbortSignal): Promise<Persistence> {
  const server = redisServer(options)
  const connection = await connect(server)
  try {
    const changed = await change(connection, server.place)
    await firstAof(connection, server.place, signal)
    const seen = await look(connection)
    const holds = seen.items.every((item) => item.holds)
    if (!holds || (seen.configFile === null && changed.length === 0)) return { source: server.place, changed, ...seen }
    const kept = await keep(connection)
    return {
      source: server.place,
      changed,
      ...seen,
      items: [...seen.items, { name: 'CONFIG REWRITE', value: kept ?? 'ok', wanted: 'ok', holds: kept === null }],
      advice: kept !== null && !seen.advice.includes(WITHOUT_FILE) ? [notKept(kept), ...seen.advice] : seen.advice,
    }
  } finally {
    connection.close()
  }
}

async function change(connection: RedisConnection, place: string): Promise<Persistence['changed']> {
  const config = await readConfig(
    connection,
    WANTED.map(({ name }) => name),
  )
  if (!config.told) throw cannot(config.why, place)
  const changed: { name: string; from: string; to: string }[] = []
  for (const { name, to, alsoGood } of WANTED) {
    const from = config.values.get(name) ?? ''
    if (from === to || alsoGood.includes(from)) continue
    try {
      await connection.send(['CONFIG', 'SET', name, to])
    } catch (error) {
      if (error instanceof LedgerError && error.code !== 'target_unreachable') throw cannot(error.message, place)
      throw error
    }
    changed.push({ name, from, to })
  }
  return changed
}

async function firstAof(connection: RedisConnection, place: string, signal: AbortSignal): Promise<void> {
  for (const begun = performance.now(); performance.now() - begun < WRITTEN_WITHIN_MS; ) {
    const info = await readInfo(connection)
    if (info.get('aof_rewrite_in_progress') === '0' && info.get('aof_rewrite_scheduled') === '0') return
    await sleep(LOOK_EVERY_MS, undefined, { signal })
  }
  throw new LedgerError('target_failed', 'the server is still writing its first AOF', {
    place,
    hint: 'the config file was not changed: run the same command again once INFO says aof_rewrite_in_progress:0',
  })
}

/** Null where the config file holds the settings now, else why it does not. */
async function keep(connection: RedisConnection): Promise<string | null> {
  try {
    await connection.send(['CONFIG', 'REWRITE'])
    return null
  } catch (error) {
    if (error instanceof LedgerError && error.code !== 'target_unreachable') return error.message
    throw error
  }
}

const notKept = (why: string) =>
  `the config file was not written (${why}): put the lines appendonly yes and appendfsync everysec into it, else they are gone with the server's next start`

function cannot(why: string, place: string): LedgerError {
  return new LedgerError('target_failed', `the server does not let its settings be changed: ${why}`, {
    place,
    hint: 'whoever runs the server can switch on appendonly and appendfsync everysec: in its config file, its start command, or the console of its provider',
  })
}
