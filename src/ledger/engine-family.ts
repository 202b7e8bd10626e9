import { LedgerError } from '../domain/errors.js'

/**
 * What can be done with a table, by its engine. merge_tree: partitions move into it, mutations run on this server.
 * replacing: the same, but it merges rows of equal sorting key into one. replicated, shared: other servers hold the same
 * rows. distributed: the rows are in tables of other servers. other: nothing that could be published to exactly once, as
 * views, logs, buffers, and engines that sum or collapse rows.
 */
export type EngineFamily = 'merge_tree' | 'replacing' | 'replicated' | 'shared' | 'distributed' | 'other'

/** By the name of an engine as system.tables has it. */
export function familyOf(engine: string): EngineFamily {
  if (engine === 'Distributed') return 'distributed'
  const [, spread, kind] = /^(Replicated|Shared)?(MergeTree|ReplacingMergeTree)$/.exec(engine) ?? []
  if (spread === 'Replicated') return 'replicated'
  if (spread === 'Shared') return 'shared'
  if (kind === undefined) return 'other'
  return kind === 'MergeTree' ? 'merge_tree' : 'replacing'
}

/** Whether a merge leaves one of two requests: rows are replaced by sorting key, and that has no request id. */
export function mergesRequests(engine: string, sortingKey: string): boolean {
  return engine.endsWith('ReplacingMergeTree') && !/\brequest_id\b/.test(sortingKey)
}

/** Database and name of the table behind a Distributed one, from its `engine_full`; the database is the own one where it is empty. */
export function tableBehind(engineFull: string, ownDatabase: string): { database: string; name: string } | null {
  const parts = /^Distributed\('(?:[^'\\]|\\.)*', '(?<database>\w*)', '(?<name>\w+)'/.exec(engineFull)?.groups
  return parts === undefined ? null : { database: parts.database || ownDatabase, name: parts.name }
}

/**
 * Throws `refused` where rows of `usage` cannot be deleted by the ids in a table of this server: a Distributed table takes
 * no mutation, and a replicated one none that depends on a table which only one server has (error 36 there).
 */
export function assertMutable({ engine, family }: { engine: string; family: EngineFamily }): void {
  if (family === 'merge_tree' || family === 'replacing') return
  throw new LedgerError('refused', `\`usage\` is a ${engine} table, whose rows cannot be removed from here`, {
    hint: 'the table usage_replay_ids lists the ids of each run: delete them where the rows are, then level usage_daily',
  })
}
