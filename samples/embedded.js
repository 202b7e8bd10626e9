import { createRequire } from 'node:module'

/**
 * Opens ClickHouse in this process over a directory, in UTC. One directory per process; close it before another
 * process opens the same one.
 * @param {string} directory
 */
export function openEmbedded(directory) {
  // chDB takes its time zone from the environment when it loads, so it must not be loaded before.
  process.env.TZ = 'UTC'
  const require = createRequire(import.meta.url)
  const { createClient } = require('@clickhouse/client')
  const { createChdbConnection } = require('chdb/connection')
  const client = createClient({ connection: createChdbConnection({ path: directory }) })
  return {
    /** @param {string} sql a statement without result */
    async command(sql) {
      await client.command({ query: sql })
    },
    /** @param {string} sql @returns {Promise<Record<string, unknown>[]>} 64-bit integers as text */
    async rows(sql) {
      return (await client.query({ query: sql, format: 'JSONEachRow' })).json()
    },
    /**
     * Rows as JSON.
     * @param {string} table
     * @param {readonly object[]} values
     */
    async insert(table, values) {
      await client.insert({ table, values, format: 'JSONEachRow' })
    },
    async close() {
      await client.close()
    },
  }
}
