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
 * answer, deduplicated by our token alone and in the views too, one block not split by time or size on its
 * way, by a Distributed table handed on before the answer, too (under its older name as well).
 */
export function insertSettings(token: string): Record<string, SettingValue> {
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
    max_partitions_per_insert_block: 100,
    throw_on_max_partitions_per_insert_block: 1,
  }
}

/** How answers must be written so that nothing is lost: wide integers and non-finite floats as strings. */
export const OUTPUT_SETTINGS = {
  output_format_json_quote_64bit_integers: 1,
  output_format_json_quote_denormals: 1,
}
