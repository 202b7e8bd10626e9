import { checkPersistence } from '../backup/redis/persistence.js'
import type { StoreReport } from '../domain/doctor.js'
import { LedgerError } from '../domain/errors.js'
import type { RedisOptions } from '../domain/redis.js'
import { unknown, unreachable } from './unreachable.js'

/**
 * Looks at Redis. That it does not write to disk is told and no problem: obleth fills it from Postgres, and whoever wants the
 * budgets to outlive it has `backup redis --check`.
 */
export async function examineRedis(options: RedisOptions): Promise<StoreReport> {
  if (options.url === undefined) return unknown('redis')
  try {
    const { source, serverVersion, items } = await checkPersistence(options)
    const facts = [
      { name: 'version', value: serverVersion },
      ...items.map(({ name, value, wanted, holds }) => ({
        name,
        value: `${value ?? 'not told'}${holds ? '' : ` (${wanted} would keep token budgets)`}`,
      })),
    ]
    return { store: 'redis', health: 'ok', place: source, facts, problems: [] }
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error
    return unreachable('redis', error.place ?? 'redis', error, 'obleth-ledger doctor --lost redis tells what to do')
  }
}
