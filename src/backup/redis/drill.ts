import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TableRows } from '../../domain/backup.js'
import { LedgerError } from '../../domain/errors.js'
import type { RedisPart } from '../../domain/redis.js'
import type { Spooled } from '../store.js'
import { withTemporaryFolder } from '../temporary.js'
import { hasAof } from './check.js'
import type { RedisConnection } from './client.js'
import { digestOfLasting } from './digest.js'
import { keysOf, readInfo } from './facts.js'
import { layDown } from './lay-down.js'
import { fileNames } from './names.js'
import { proveRedis } from './proof.js'
import { withScratchServer } from './scratch.js'
import { serverVersion } from './tools.js'

/** What a scratch server has after loading a part of a backup in one of the two ways. */
interface Loaded {
  readonly keys: ReadonlyMap<number, number>
  /** Keys that were past their time, and that the server let go. */
  readonly expired: number
  readonly digest: string
}

/**
 * Lays a backup down as a restore does, starts a redis-server on it with `appendonly` off and on, and compares: the keys
 * of each database with the manifest, and the content of both with each other, by Redis's own digest.
 */
export async function drillRedis(spooled: Spooled, signal: AbortSignal): Promise<readonly string[]> {
  const { tables, facts } = spooled.manifest.contents
  const redis = await serverVersion(signal)
  if (redis === null)
    throw new LedgerError('config', 'a drill needs the program redis-server, and there is none on this machine', {
      hint: 'install it (Debian package redis-server), then run the same command again',
    })
  const fromSnapshot = await load(spooled, 'rdb', 'no', redis, signal)
  const fromLog = await load(spooled, 'rdb', 'yes', redis, signal)
  const findings = [
    ...missing(fromSnapshot, tables, facts.keys, 'with appendonly no'),
    ...missing(fromLog, tables, facts.keys, 'with appendonly yes'),
    ...(fromSnapshot.digest === fromLog.digest ? [] : ['the server holds other values with appendonly on than off']),
  ]
  // It is of another moment than the snapshot: that it loads is what can be shown.
  if (hasAof(spooled.manifest)) await load(spooled, 'aof', 'yes', redis, signal)
  return findings
}

async function load(
  spooled: Spooled,
  part: RedisPart,
  appendonly: 'yes' | 'no',
  redis: string,
  signal: AbortSignal,
): Promise<Loaded> {
  const proven = await proveRedis(spooled, part, redis, signal)
  return withTemporaryFolder('drill', async (folder) => {
    const data = join(folder, 'data')
    await mkdir(data, { mode: 0o700 })
    const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mode: 0o700 }
    // The names that the scratch server uses, whatever those of the server that was backed up are.
    await layDown(
      spooled,
      proven,
      fileNames(() => undefined),
      data,
      own,
    )
    return await withScratchServer(data, appendonly, signal, (connection) => look(connection, signal))
  })
}

async function look(connection: RedisConnection, signal: AbortSignal): Promise<Loaded> {
  const info = await readInfo(connection)
  const keys = keysOf(info)
  const number = (name: string) => Number(info.get(name) ?? 0)
  return {
    keys,
    expired: number('expired_keys') + number('rdb_last_load_keys_expired'),
    digest: await digestOfLasting(connection, [...keys.keys()], signal),
  }
}

function missing({ keys, expired }: Loaded, tables: readonly TableRows[], all: unknown, how: string): string[] {
  if (typeof all !== 'number') return []
  const sum = [...keys.values()].reduce((total, each) => total + each, 0)
  const findings =
    sum + expired === all
      ? []
      : [`${how} the server has ${sum} keys and ${expired} expired ones, of ${all} in the backup`]
  for (const { table, rows } of tables) {
    const there = keys.get(Number(table.slice(2))) ?? 0
    if (there > rows || (expired === 0 && there < rows))
      findings.push(`${how} ${table} has ${there} keys, where the manifest says ${rows}`)
  }
  return findings
}
