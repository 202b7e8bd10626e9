import { LedgerError } from '../domain/errors.js'
import type { ExpiredRule } from '../domain/options.js'
import type { TargetState } from './inspect-target.js'

export interface ReplayableOptions {
  readonly createSchema: boolean
  readonly expired: ExpiredRule
}

/**
 * Throws `refused` where a replay into this target cannot begin, with the way out as a hint: no schema on a
 * server without --create-schema, an engine whose partitions cannot be moved, columns that do not take the records, or
 * a TTL that nobody can foresee.
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
  if (usage.family !== 'merge_tree')
    throw refused(
      `\`usage\` is a ${usage.engine} table, to which partitions cannot be moved`,
      'replay into an embedded ledger (--embedded) and copy the days from there',
    )
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

function refused(message: string, hint: string): LedgerError {
  return new LedgerError('refused', message, { hint })
}
