import { printable } from '../domain/printable.js'
import type { Persistence, PersistenceItem, RedisPart, RedisRestored, RedisRestorePlan } from '../domain/redis.js'
import { plural } from './format.js'
import type { Style } from './style.js'
import { type Column, renderTable } from './table.js'

const ITEMS: readonly Column<PersistenceItem>[] = [
  { head: '', align: 'left', cell: ({ name }) => name },
  { head: 'is', align: 'left', cell: ({ value }) => value ?? 'unknown' },
  { head: 'wanted', align: 'left', cell: ({ wanted }) => wanted },
  { head: '', align: 'left', cell: ({ holds }) => (holds ? 'holds' : 'DOES NOT HOLD') },
]

/** Whether a Redis keeps what it holds. */
export function renderPersistence(found: Persistence, style: Style): string {
  const { source, serverVersion, items, configFile, changed, advice } = found
  const holds = items.every((item) => item.holds)
  const verdict = holds ? style.good('persistent') : style.bad('not persistent')
  const lines = [
    `${verdict} Redis ${printable(serverVersion)}, ${source}`,
    ...renderTable(ITEMS, items, style),
    `config file: ${configFile === null ? 'none, or not told' : printable(configFile)}`,
    ...changed.map(({ name, from, to }) => `${style.good('changed')} ${name} from ${printable(from)} to ${to}`),
    ...advice.map((sentence) => `${style.warn('note')} ${printable(sentence)}`),
  ]
  return `${lines.join('\n')}\n`
}

const PARTS: Readonly<Record<RedisPart, string>> = {
  rdb: 'the snapshot',
  aof: 'the AOF (the snapshot for a server with appendonly no)',
  'repaired-aof': 'the AOF without its damaged end (the snapshot for a server with appendonly no)',
}

/** What a restore would do. */
export function renderRedisPlan(plan: RedisRestorePlan, style: Style): string {
  const { backup, takenAt, into, part, rdbVersion, redisVersion, keys, replaced, laidDown, goesOn, notes } = plan
  const lines = [
    `${style.bold('restore of Redis')} ${backup}, taken ${takenAt}`,
    `  into        ${printable(into)}`,
    `  loads       ${PARTS[part]}${keys === null ? '' : `, ${plural(keys, 'key')}`}`,
    `  format      RDB version ${rdbVersion}; server ${redisVersion === null ? 'not known' : `Redis ${printable(redisVersion)}`}`,
    `  laid down   ${laidDown.map(printable).join(', ')}`,
    `  gives way   ${replaced.length === 0 ? 'nothing' : `${replaced.map(printable).join(', ')}: moved to ${printable(into)}/obleth-ledger-before-…`}`,
    ...(goesOn ? ['  an interrupted restore of this backup is gone on with'] : []),
    ...[...notes, ...TO_KNOW].map((note) => `  ${style.warn('note')}        ${printable(note)}`),
  ]
  return `${lines.join('\n')}\n`
}

const TO_KNOW = [
  'Redis may as well be left empty: obleth fills it from Postgres on first use, and only token budgets start anew',
  'what it caches is as old as the backup: a key that was revoked since counts again for as long as its entry lives; leave Redis empty where that matters',
]

/** What a restore did. */
export function renderRedisRestored({ plan, restored, kept }: RedisRestored, style: Style): string {
  if (!restored) return 'nothing was restored\n'
  const { backup, into, keys } = plan
  const lines = [
    `${style.good('restored')} ${backup} into ${printable(into)}${keys === null ? '' : `, ${plural(keys, 'key')}`}`,
    ...(kept === null ? [] : [`  the old files are in ${printable(kept)}`]),
    `next: start the server (it loads this with appendonly yes and no alike), compare its DBSIZE${keys === null ? '' : `, less what has expired since`}, and run obleth-ledger backup redis --check`,
  ]
  return `${lines.join('\n')}\n`
}
