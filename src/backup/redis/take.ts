import { join } from 'node:path'
import { LedgerError } from '../../domain/errors.js'
import type { RedisOptions } from '../../domain/redis.js'
import type { Taken } from '../store.js'
import { withTemporaryFolder } from '../temporary.js'
import type { BackupWriter } from '../writer.js'
import { renderAofManifest } from './aof-manifest.js'
import type { ScannedAof } from './aof-scan.js'
import { type AofSource, bytesOf, closeAof, openAof, settle } from './aof-source.js'
import type { RdbContents } from './check-rdb.js'
import { connect, type RedisConnection } from './client.js'
import { dumpRdb } from './dump.js'
import { type Config, type Info, readConfig, readInfo, versionOf } from './facts.js'
import { AOF_FOLDER, AOF_MANIFEST, fileNames, RDB_FILE } from './names.js'
import { type RedisServer, redisServer } from './server.js'
import { cliVersion } from './tools.js'
import { keepsManifest } from './versions.js'

const SETTINGS = ['appendonly', 'appendfsync', 'dbfilename', 'appenddirname', 'appendfilename']

/** Takes a snapshot over the wire and, where the data directory is at hand, the AOF as it is on disk. */
export async function takeRedis(options: RedisOptions, writer: BackupWriter): Promise<Taken> {
  const server = redisServer(options)
  const connection = await connect(server)
  try {
    const info = await readInfo(connection)
    const config = await readConfig(connection, SETTINGS)
    // The log first: the snapshot is the later of the two, and what is restored where nothing else is asked for.
    const aof = options.dataDir === undefined ? null : await takeAof(connection, info, config, options.dataDir, writer)
    const rdb = await takeRdb(server, connection, writer)
    return taken(server, info, config, rdb, aof, await cliVersion(writer.signal))
  } finally {
    connection.close()
  }
}

async function takeRdb(server: RedisServer, connection: RedisConnection, writer: BackupWriter): Promise<RdbContents> {
  return withTemporaryFolder('backup', async (folder) => {
    const file = join(folder, RDB_FILE)
    const contents = await dumpRdb(server, connection, file, writer.signal)
    await writer.addFile(RDB_FILE, file)
    return contents
  })
}

/** What was taken of a log: its last increment, all others being whole. */
type TakenAof = ScannedAof & { readonly files: number; readonly allBytes: number }

async function takeAof(
  connection: RedisConnection,
  info: Info,
  config: Config,
  dataDir: string,
  writer: BackupWriter,
): Promise<TakenAof | null> {
  if (!config.told) throw noAof(`the server does not tell its settings (${config.why})`)
  if (!keepsManifest(versionOf(info))) throw noAof(`a Redis ${versionOf(info)} keeps it in another form`)
  if (info.get('aof_enabled') !== '1') return null
  const names = fileNames((setting) => config.values.get(setting))
  const opened = await openAof(connection, join(dataDir, names.aofFolder), names.aof, writer.signal)
  try {
    const { source, scanned } = await settle(opened[opened.length - 1], writer.signal)
    const sources: readonly AofSource[] = [...opened.slice(0, -1), source]
    for (const each of sources) await writer.add(`${AOF_FOLDER}/${each.name}`, bytesOf(each))
    await writer.add(AOF_MANIFEST, textOf(renderAofManifest(sources)))
    return { ...scanned, files: sources.length, allBytes: sources.reduce((sum, { bytes }) => sum + bytes, 0) }
  } finally {
    await closeAof(opened)
  }
}

async function* textOf(text: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(text)
}

function noAof(why: string): LedgerError {
  return new LedgerError('refused', `the AOF cannot be backed up: ${why}`, {
    hint: 'leave out --redis-data-dir: then the snapshot alone is taken',
  })
}

function taken(
  server: RedisServer,
  info: Info,
  config: Config,
  rdb: RdbContents,
  aof: TakenAof | null,
  redisCli: string,
): Taken {
  const setting = (name: string) => (config.told ? (config.values.get(name) ?? null) : null)
  return {
    programs: { 'redis-cli': redisCli },
    serverVersion: versionOf(info),
    source: server.place,
    contents: {
      databases: [],
      tables: [...rdb.databases].map(([db, rows]) => ({ table: `db${db}`, rows })),
      facts: {
        keys: rdb.keys,
        expires: rdb.expires,
        rdbVersion: rdb.version,
        ...Object.fromEntries(SETTINGS.map((name) => [name, setting(name)])),
        aofFiles: aof?.files ?? 0,
        aofBytes: aof?.allBytes ?? 0,
      },
    },
    notes: notesOn(info, config, rdb, aof, redisCli),
  }
}

function notesOn(info: Info, config: Config, rdb: RdbContents, aof: TakenAof | null, redisCli: string): string[] {
  const notes: string[] = []
  if (info.get('cluster_enabled') === '1')
    notes.push('this is one node of a cluster: each master has keys of its own and needs a backup of its own')
  if (info.get('role') === 'slave') notes.push('this server is a replica: it may be behind its master')
  if (!config.told) notes.push(`the server does not tell its settings: ${config.why}`)
  if (rdb.keys === null)
    notes.push(
      `redis-check-rdb ${redisCli} does not know version ${rdb.version} of the format: header, end and checksum are right, the keys are not counted`,
    )
  if (aof === null && info.get('aof_enabled') !== '1')
    notes.push('appendonly is off: what came after the snapshot is nowhere; `backup redis --check` tells more')
  if (aof !== null && aof.state !== 'whole')
    notes.push(
      `the AOF is ${aof.state === 'cut' ? 'cut within its last command' : 'damaged'} on the server's own disk: ${aof.wholeBytes} of ${aof.bytes} bytes of its last file, ${aof.commands} commands, can be loaded; the snapshot is whole`,
    )
  return notes
}
