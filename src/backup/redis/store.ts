import type { RedisOptions } from '../../domain/redis.js'
import type { Store } from '../store.js'
import { checkRedis } from './check.js'
import { drillRedis } from './drill.js'
import { takeRedis } from './take.js'

export const redisStore = (options: RedisOptions): Store => ({
  name: 'redis',
  backup: (writer) => takeRedis(options, writer),
  check: checkRedis,
  drill: drillRedis,
})
