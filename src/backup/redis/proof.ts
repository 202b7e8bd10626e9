import { LedgerError } from '../../domain/errors.js'
import type { RedisPart } from '../../domain/redis.js'
import type { Spooled } from '../store.js'
import type { AofFile } from './aof-manifest.js'
import { checkAof, hasAof } from './check.js'
import { checkRdb } from './check-rdb.js'
import { RDB_FILE } from './names.js'
import { firstReader, keepsManifest, readsUpTo } from './versions.js'

/** What of a backup is fit to be laid down. */
export interface Proven {
  readonly rdbVersion: number
  readonly keys: number | null
  /** Files of the log, in the order in which a server loads them; empty where the snapshot is laid down. */
  readonly aof: readonly AofFile[]
  /** Bytes that the last of them keeps; null for all. */
  readonly keepBytes: number | null
  readonly notes: readonly string[]
}

/**
 * Proves the part of a backup that is to be laid down, before anything of the old data is touched.
 *
 * @param redis version of the server that will load it; null where it is not known
 * @throws LedgerError `verification_failed` for damage, `refused` for a server that is too old or a log that needs a
 * repair nobody asked for, `source_not_found` where there is no log
 */
export async function proveRedis(
  spooled: Spooled,
  part: RedisPart,
  redis: string | null,
  signal: AbortSignal,
): Promise<Proven> {
  const { id } = spooled.manifest
  const rdb = await checkRdb(spooled.file(RDB_FILE), signal)
  if ('damage' in rdb) throw damaged(`${RDB_FILE}: ${rdb.damage}`, id)
  const { version, keys } = rdb.contents
  assertReads(version, redis)
  const proven = { rdbVersion: version, keys, keepBytes: null, notes: unknownServer(version, redis) }
  return part === 'rdb' ? { ...proven, aof: [] } : { ...proven, ...(await proveAof(spooled, part, signal)) }
}

async function proveAof(
  spooled: Spooled,
  part: RedisPart,
  signal: AbortSignal,
): Promise<Pick<Proven, 'aof' | 'keepBytes' | 'notes'>> {
  const { manifest } = spooled
  if (!hasAof(manifest))
    throw new LedgerError('source_not_found', 'the backup has no AOF', {
      place: manifest.id,
      hint: 'restore its snapshot, with --redis-from rdb; --redis-data-dir puts the AOF into later backups',
    })
  const { files, findings, repairable } = await checkAof(spooled, signal)
  if (findings.length === 0) return { aof: files, keepBytes: null, notes: [] }
  if (repairable === null) throw damaged(findings.join('; '), manifest.id)
  if (part === 'aof')
    throw new LedgerError('refused', findings.join('; '), {
      place: manifest.id,
      hint: 'restore the snapshot, with --redis-from rdb, or what is left of the AOF, with --redis-from repaired-aof',
    })
  const { bytes, wholeBytes, commands } = repairable
  const cut = `the last file of the AOF keeps ${wholeBytes} bytes, ${commands} commands; ${bytes - wholeBytes} bytes behind them are cut off`
  return { aof: files, keepBytes: wholeBytes, notes: [cut] }
}

function assertReads(rdb: number, redis: string | null): void {
  if (redis === null) return
  if (!keepsManifest(redis))
    throw new LedgerError('refused', `a Redis ${redis} does not keep its AOF as it is laid down here`, {
      hint: 'use Redis 7.0 or newer; --redis-version names the server where it is not the redis-server of this machine',
    })
  const limit = readsUpTo(redis)
  if (limit === null || rdb <= limit) return
  const needed = firstReader(rdb)
  throw new LedgerError(
    'refused',
    `the backup has version ${rdb} of the RDB format, and a Redis ${redis} reads up to version ${limit}`,
    {
      hint: `use ${needed === null ? 'the Redis that it was made with' : `Redis ${needed}`} or newer, and name it with --redis-version where it is not the redis-server of this machine; nothing was touched`,
    },
  )
}

function unknownServer(rdb: number, redis: string | null): string[] {
  if (redis !== null) return []
  const needed = firstReader(rdb)
  return [
    `there is no redis-server on this machine, so its version is not known: the backup needs ${needed === null ? 'the Redis that it was made with' : `Redis ${needed}`} or newer`,
  ]
}

function damaged(what: string, id: string): LedgerError {
  return new LedgerError('verification_failed', `the backup is damaged: ${what}`, {
    place: id,
    hint: 'obleth-ledger backups verify tells which backups are sound; nothing was touched',
  })
}
