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
