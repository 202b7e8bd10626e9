import type { RedisConnection } from './client.js'

/** Run by the server, since a key may be any bytes. Returns where the next portion begins. */
const DROP_EXPIRING = `
local page = redis.call('SCAN', ARGV[1], 'COUNT', 1000)
for _, key in ipairs(page[2]) do
  if redis.call('PTTL', key) >= 0 then redis.call('DEL', key) end
end
return page[1]`

/**
 * Redis's digest of all keys without a time to live, with their values, whatever their order. Those with one are removed
 * first: they go at their own time, in two servers at two moments. For scratch servers only.
 */
export async function digestOfLasting(
  connection: RedisConnection,
  databases: readonly number[],
  signal: AbortSignal,
): Promise<string> {
  for (const db of databases) {
    await connection.send(['SELECT', String(db)])
    let cursor = '0'
    do {
      signal.throwIfAborted()
      cursor = String(await connection.send(['EVAL', DROP_EXPIRING, '0', cursor]))
    } while (cursor !== '0')
  }
  return String(await connection.send(['DEBUG', 'DIGEST']))
}
