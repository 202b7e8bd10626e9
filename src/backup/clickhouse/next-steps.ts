import type { TargetOptions } from '../../domain/options.js'
import { shellLine } from '../../domain/shell-line.js'
import { identifier } from '../../ledger/identifiers.js'

/** Options by which a command finds this target; its password comes from where this command had it. */
function targetArguments({ url, user, database, embedded }: TargetOptions): string[] {
  const place = url === undefined ? ['--embedded', embedded] : ['--clickhouse-url', url, '--clickhouse-user', user]
  return [...place, '--clickhouse-db', database]
}

const command = (...words: readonly string[]) => shellLine(['obleth-ledger', ...words])

/**
 * Commands that close the gap between a backup and the loss. The WAL files are replayed whole: a record may have been
 * written late, and what the ledger has already is left out by its id.
 *
 * @param sources as the user has named them; a placeholder where none are
 * @param kept database with rows that came after the loss, and the columns of `usage` that both have; null where there are none
 */
export function nextSteps(
  target: TargetOptions,
  sources: readonly string[],
  kept: { readonly database: string; readonly columns: readonly string[] } | null,
): string[] {
  const where = targetArguments(target)
  const replay = command('replay', ...sources, ...where, ...(target.url === undefined ? [] : ['--yes']))
  return [
    ...(kept === null
      ? []
      : [command('query', bringBack(target.database, kept.database, kept.columns), '--write', ...where)]),
    sources.length > 0 ? replay : replay.replace(' replay ', ' replay <WAL files of all pods> '),
    command('audit', ...where),
  ]
}

/** Through the view, without what is there already: harmless when repeated. */
function bringBack(database: string, kept: string, columns: readonly string[]): string {
  const [usage, old] = [database, kept].map((name) => `${identifier(name)}.usage`)
  const list = columns.map(identifier).join(', ')
  const known = `SELECT request_id FROM ${usage} WHERE ts_ms >= (SELECT min(ts_ms) FROM ${old}) - 86400000`
  return (
    `INSERT INTO ${usage} (${list}) SELECT ${list} FROM ${old} WHERE request_id NOT IN (${known}) ` +
    'SETTINGS async_insert = 0, max_partitions_per_insert_block = 0'
  )
}
