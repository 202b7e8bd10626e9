import type { Persistence, PersistenceItem, RedisOptions } from '../../domain/redis.js'
import { connect, type RedisConnection } from './client.js'
import { type Config, type Info, readConfig, readInfo, versionOf } from './facts.js'
import { redisServer } from './server.js'

const SETTINGS = ['appendonly', 'appendfsync']

export const WITHOUT_FILE =
  'the server has no config file: its start command must hold the settings, else they are gone with its next start. ' +
  'Docker Compose: command: ["redis-server", "--appendonly", "yes", "--appendfsync", "everysec"], with a volume at /data. ' +
  "Helm: in the values of the chart that runs Redis (Bitnami's: commonConfiguration with the lines appendonly yes and appendfsync everysec), with persistence on"

const ON_RESTART =
  'a start without appendonly yes passes over the AOF: the server then has what dump.rdb held, or nothing, and says no word'

/**
 * Whether what the server holds survives its end; changes nothing.
 *
 * @throws LedgerError `target_unreachable`, `access_denied`, `config`
 */
export async function checkPersistence(options: RedisOptions): Promise<Persistence> {
  const server = redisServer(options)
  const connection = await connect(server)
  try {
    return { source: server.place, changed: [], ...(await look(connection)) }
  } finally {
    connection.close()
  }
}

/** What is seen of a server's persistence. */
export async function look(connection: RedisConnection): Promise<Omit<Persistence, 'source' | 'changed'>> {
  const info = await readInfo(connection)
  const config = await readConfig(connection, SETTINGS)
  const items = itemsOf(info, config)
  const configFile = info.get('config_file') || null
  const advice: string[] = []
  if (!config.told)
    advice.push(
      `the server does not tell its settings (${config.why}): how often it writes to disk cannot be known from here; whoever runs it for you can tell, or switch it on`,
    )
  else if (!items.every(({ holds }) => holds))
    advice.push('`obleth-ledger backup redis --enable` switches on what is missing, while the server runs')
  if (config.told && configFile === null) advice.push(WITHOUT_FILE)
  if (info.get('aof_enabled') === '1') advice.push(ON_RESTART)
  return { serverVersion: versionOf(info), items, configFile, advice }
}

function itemsOf(info: Info, config: Config): PersistenceItem[] {
  const item = (name: string, value: string | null | undefined, ...wanted: readonly string[]) => ({
    name,
    value: value ?? null,
    wanted: wanted.join(' or '),
    holds: wanted.some((each) => each === value),
  })
  const running = { '0': 'no', '1': 'yes' }[info.get('aof_enabled') ?? '']
  const setting = (name: string) => (config.told ? config.values.get(name) : null)
  return [
    item('appendonly', setting('appendonly') ?? running, 'yes'),
    item('appendfsync', setting('appendfsync'), 'everysec', 'always'),
    // What the settings ask for, and a full disk prevents.
    item('aof_last_write_status', info.get('aof_last_write_status'), 'ok'),
    item('aof_last_bgrewrite_status', info.get('aof_last_bgrewrite_status'), 'ok'),
    item('rdb_last_bgsave_status', info.get('rdb_last_bgsave_status'), 'ok'),
  ]
}
