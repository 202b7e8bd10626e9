/**
 * Variables that a scheduled backup may need: where the stores are, where a ClickHouse server puts its backups (without which
 * its backup is refused), and the file with the recipients, which encrypts.
 */
export const VARIABLES: readonly string[] = [
  'OBLETH_DATABASE_URL',
  'OBLETH_REDIS_URL',
  'OBLETH_CLICKHOUSE_URL',
  'OBLETH_CLICKHOUSE_USER',
  'OBLETH_CLICKHOUSE_PASSWORD',
  'OBLETH_LEDGER_CLICKHOUSE_BACKUP_DISK',
  'OBLETH_LEDGER_CLICKHOUSE_BACKUP_FOLDER',
  'OBLETH_LEDGER_AGE_RECIPIENTS',
]

/** What a schedule runs for one store: its backup, then the policy. A store that fails leaves the others alone. */
export function commandsOf(store: string, place: string): readonly [readonly string[], readonly string[]] {
  const base = (...words: string[]) => ['obleth-ledger', ...words, '--backups', place]
  return [base('backup', store), base('backups', 'prune', '--confirm')]
}

/** Minutes from midnight as `02:15`. */
export function timeOf(minuteOfDay: number): string {
  const two = (n: number) => String(n).padStart(2, '0')
  return `${two(Math.floor(minuteOfDay / 60))}:${two(minuteOfDay % 60)}`
}
