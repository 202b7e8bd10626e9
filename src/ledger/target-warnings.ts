import type { PublishWay } from '../domain/options.js'
import type { Warning } from '../domain/wal.js'
import type { TargetState } from './inspect-target.js'
import { PARTITION_KEY } from './usage-columns.js'

const SEEN: Record<PublishWay, string> = {
  move: 'will not see what is published',
  insert: 'will see what is published, again where they have seen it before',
}

/** What the user should know about a target that does not stop a replay. */
export function targetWarnings(state: Omit<TargetState, 'warnings'>, way: PublishWay): Warning[] {
  const warnings: Warning[] = []
  const warn = (kind: string, message: string, count?: number) =>
    warnings.push(count === undefined ? { class: kind, message } : { class: kind, message, count })
  const { usage, rollup, view, meta } = state

  if (!/^(Etc\/)?(UTC|UCT|Universal|Zulu|GMT)$/.test(state.timezone))
    warn('non_utc_server', `days are those of the server's zone ${state.timezone}, in partitions, rollup and bills`)
  if (usage !== null) {
    if (usage.deduplicationWindow === 0)
      warn('dedup_window_zero', '`usage` forgets what was inserted: a batch that a pod sends twice is stored twice')
    if (usage.stored !== null && usage.stored.partitionKey !== PARTITION_KEY)
      warn(
        'partition_key',
        `\`usage\` is partitioned by ${usage.stored.partitionKey || 'nothing'}, not by day as obleth does it`,
      )
    if (usage.mutationsRunning !== null && usage.mutationsRunning > 0)
      warn(
        'mutations_running',
        'mutations are running on `usage`; they also change what is published',
        usage.mutationsRunning,
      )
    if (usage.projections.length > 0)
      warn('projections', `\`usage\` has projections that staging copies: ${usage.projections.join(', ')}`)
    if (usage.columns.missing.length > 0)
      warn(
        'missing_columns',
        `\`usage\` has no column for ${usage.columns.missing.join(', ')}: these values are not kept`,
      )
    if (usage.ttl?.cutoffMs === null)
      warn('ttl_unknown', `cannot work out which records the TTL of \`usage\` drops: ${usage.ttl.expression}`)
    if (rollup === null)
      warn('no_rollup', '`usage_daily` does not exist; obleth makes it from `usage` at its next boot')
    else if (view === null) warn('no_view', '`usage_daily_mv` does not exist; obleth makes it at its next boot')
  }
  if ((usage?.deduplicationWindow ?? 0) > 0 && rollup?.deduplicationWindow === 0)
    warn('rollup_window_zero', 'a batch that a pod sends twice counts once in `usage` and twice in `usage_daily`')
  if (view !== null && !view.leavesOutBenchmark)
    warn('view_counts_benchmark', '`usage_daily_mv` is an older one that counts benchmark requests, too')
  if (meta !== null && !meta.backfilled && rollup !== null && rollup.rows === 0 && (usage?.rows ?? 0) > 0)
    warn('not_backfilled', 'obleth has not yet seeded `usage_daily` from `usage` and will do so at its next boot')
  for (const table of state.unreadable)
    warn(
      'not_readable',
      `the user may not read ${table}, so part of the checks is left out; docs/rights.md lists the grants`,
    )
  if (state.otherViews.length > 0)
    warn(
      'other_views',
      `other views read from \`usage\` and ${SEEN[way]}: ${state.otherViews.join(', ')}`,
      state.otherViews.length,
    )
  return warnings
}
