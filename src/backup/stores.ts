import type { StoreName, StoreOptions } from '../domain/backup.js'
import type { Store } from './store.js'

/** Each store by its name, loaded only where it is used. */
const BY_NAME: Readonly<Partial<Record<StoreName, (options: StoreOptions) => Promise<Store>>>> = {
  postgres: async ({ postgresUrl }) => (await import('./postgres/store.js')).postgresStore(postgresUrl),
  redis: async ({ redis }) => (await import('./redis/store.js')).redisStore(redis),
  clickhouse: async (options) => (await import('./clickhouse/store.js')).clickhouseStore(options),
}

export function storeOf(name: StoreName, options: StoreOptions): Promise<Store> {
  const make = BY_NAME[name]
  if (make === undefined) throw new Error(`no store ${name}`)
  return make(options)
}
