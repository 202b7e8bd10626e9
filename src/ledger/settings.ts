import { literal } from './identifiers.js'

export type SettingValue = number | string

/**
 * A SETTINGS clause with those of `wanted` that the target's version knows (an unknown one would be an error there),
 * or an empty text.
 */
export function settingsClause(wanted: Readonly<Record<string, SettingValue>>, known: ReadonlySet<string>): string {
  const pairs = Object.entries(wanted)
    .filter(([name]) => known.has(name))
    .map(([name, value]) => `${name} = ${typeof value === 'number' ? value : literal(value)}`)
  return pairs.length === 0 ? '' : `SETTINGS ${pairs.join(', ')}`
}

/**
 * What every INSERT of ours says, since the defaults of these settings changed several times: stored before the
 * answer, deduplicated by our token alone and in the views too, all blocks of a body joined to one that is not split by
 * time or size on its way, by a Distributed table handed on before the answer, too (under its older name as well).
 * `frugal`: split nevertheless, where the version can.
 */
export function insertSettings(token: string, frugal = false): Record<string, SettingValue> {
  return {
    async_insert: 0,
    distributed_foreground_insert: 1,
    insert_distributed_sync: 1,
    wait_for_async_insert: 1,
    insert_deduplicate: 1,
    deduplicate_insert: 'enable',
    deduplicate_insert_select: 'enable_even_for_bad_queries',
    deduplicate_blocks_in_dependent_materialized_views: 1,
    insert_deduplication_token: token,
    min_insert_block_size_rows: 1_048_576,
    min_insert_block_size_bytes: 0,
    max_partitions_per_insert_block: 100,
    throw_on_max_partitions_per_insert_block: 1,
    ...(frugal ? FRUGAL : {}),
  }
}

/** A block of 65,536 records took 26 MB this way in place of 38 (26.7); still smaller pieces took no less. */
const FRUGAL = {
  use_strict_insert_block_limits: 1,
  max_insert_block_size: 8192,
  min_insert_block_size_rows: 8192,
  min_insert_block_size_bytes: 1,
  max_insert_threads: 1,
  max_threads: 1,
}

/**
 * Settings of a run's own tables (on all versions that are replayed into): what an INSERT was acknowledged for is on disk,
 * and what a DELETE left of it. Without them ClickHouse leaves both to the system's write-back, and a loss of power takes
 * seconds of them: a plan that is gone while its rows have moved would leave a rollup that nobody knows to correct.
 * Measured with the embedded engine on ext4: a block of 260,000 rows over four days takes 372 ms in place of 361, a step of
 * one row 7 ms in place of 3; whole replays of 400,000 records cannot be told apart. So an embedded ledger has them, too.
 */
export const DURABLE = 'fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1'

/** How answers must be written so that nothing is lost: wide integers and non-finite floats as strings. */
export const OUTPUT_SETTINGS = {
  output_format_json_quote_64bit_integers: 1,
  output_format_json_quote_denormals: 1,
}
