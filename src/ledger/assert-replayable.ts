import { LedgerError } from '../domain/errors.js'
import type { ExpiredRule, PublishWay } from '../domain/options.js'
import { familyOf, mergesRequests } from './engine-family.js'
import type { TargetState, UsageState } from './inspect-target.js'

export interface ReplayableOptions {
  readonly createSchema: boolean
  readonly expired: ExpiredRule
  readonly publish: PublishWay
}

/**
 * Throws `refused` where a replay into this target cannot begin, with the way out as a hint: no schema on a
 * server without --create-schema, an engine that the way of publishing does not suit, columns that do not take the
 * records, or a TTL that nobody can foresee.
 */
export function assertReplayable(state: TargetState, options: ReplayableOptions): void {
  const { usage } = state
  if (usage === null) {
    if (state.kind === 'embedded' || options.createSchema) return
    throw refused(
      'the server has no table `usage`',
      "check --clickhouse-db, or let obleth's schema be created with --create-schema",
    )
  }
  refuseEngine(usage, options.publish)
  if (usage.columns.problems.length > 0)
    throw refused(
      `\`usage\` does not take the records: ${usage.columns.problems.join('; ')}`,
      'bring the table into the shape that obleth creates, then run the same command again',
    )
  if (usage.ttl?.cutoffMs === null && options.expired !== 'include')
    throw refused(
      `cannot work out which records the TTL of \`usage\` would drop: ${usage.ttl.expression}`,
      'load all of them with --expired include, and look what is left afterwards',
    )
}

const COPY = 'replay into an embedded ledger (--embedded) and copy the days from there'

/**
 * Replicated and shared tables could be given a staging table of their own engine, from which partitions move. That needs
 * a Keeper path that is free on every replica, and parts that all of them have fetched before each look and each removal:
 * what comes of a fault there cannot be tried without a cluster, while an INSERT is what such tables take all day. So
 * they are published to by inserts, or not at all.
 */
function refuseEngine({ engine, family, stored, columns }: UsageState, way: PublishWay): void {
  if (stored === null)
    throw refused(
      `\`usage\` is a ${engine} table, and this server has not the table behind it`,
      `connect to a server of the cluster that has it, or ${COPY}`,
    )
  if (!columns.extra.includes('ts'))
    throw refused('`usage` has no column ts, by which its days go', `add it as obleth declares it, or ${COPY}`)
  const behind = familyOf(stored.engine)
  if (behind === 'other' || behind === 'distributed')
    throw refused(`\`usage\` is a table of engine ${stored.engine}, to which nothing can be published`, COPY)
  if (mergesRequests(stored.engine, stored.sortingKey))
    throw refused(
      `\`usage\` keeps one of the rows with equal (${stored.sortingKey}) as a ${stored.engine}, so requests would be lost`,
      'make it a MergeTree as obleth does, or add request_id to its sorting key',
    )
  if (way === 'move' && family !== 'merge_tree')
    throw refused(
      `\`usage\` is a ${engine} table, to which partitions cannot be moved`,
      `publish by inserts, with --publish insert, or ${COPY}`,
    )
}

function refused(message: string, hint: string): LedgerError {
  return new LedgerError('refused', message, { hint })
}
