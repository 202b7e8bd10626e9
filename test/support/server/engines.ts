// @ts-expect-error a plain script, without types
import { oblethSchema } from '../../../samples/obleth-schema.js'

/**
 * A cluster of one shard, which is the server itself: as near as an engine without a network port comes to one. What
 * several servers do to each other cannot be seen here.
 */
export const CLUSTER = `<clickhouse><tcp_port>9000</tcp_port><remote_servers><alone><shard><replica>
  <host>127.0.0.1</host><port>9000</port></replica></shard></alone></remote_servers></clickhouse>`

export const ENGINES = ['MergeTree', 'ReplacingMergeTree', 'Distributed'] as const
export type Engine = (typeof ENGINES)[number]

/** Statements that make obleth's ledger with a `usage` of this engine; the second needs {@link CLUSTER}. */
export function ledgerOf(engine: Engine): string[] {
  const statements = oblethSchema() as string[]
  if (engine === 'MergeTree') return statements
  if (engine === 'ReplacingMergeTree')
    return statements.map((sql) =>
      / obleth\.usage\s/.test(sql)
        ? sql
            .replace(/\bMergeTree(\(\))?/, 'ReplacingMergeTree')
            .replace('(tenant_id, ts_ms)', '(tenant_id, ts_ms, request_id)')
        : sql,
    )
  // As on each server of a cluster: the tables that hold the rows, the view between them, and one table over each.
  const local = statements.map((sql) => sql.replaceAll(/obleth\.(usage(?:_daily(?:_mv)?)?)\b/g, 'obleth.$1_local'))
  const over = (name: string, key: string) =>
    `CREATE TABLE obleth.${name} AS obleth.${name}_local ENGINE = Distributed('alone', 'obleth', '${name}_local', ${key})`
  return [...local, over('usage', 'cityHash64(request_id)'), over('usage_daily', 'cityHash64(tenant_id)')]
}
