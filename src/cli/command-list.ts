import type { CommandName } from '../config/command-names.js'

/** A command of the command line. */
export interface Command {
  readonly name: CommandName
  /** Words that follow it, as yargs writes them. */
  readonly takes?: '[source..]' | '<sql>' | '<run>' | '[backup]'
  readonly describe: string
}

/** Every command, in the order of the help. */
export const COMMAND_LIST: readonly Command[] = [
  { name: 'replay', takes: '[source..]', describe: "Rebuild the ledger from the pods' WAL files" },
  { name: 'inspect', takes: '[source..]', describe: 'Count what is in WAL files, without a ledger' },
  {
    name: 'collect',
    takes: '[source..]',
    describe: 'Copy the WAL of all pods into a folder or bucket, with a manifest that proves it',
  },
  { name: 'query', takes: '<sql>', describe: 'Run SQL on the ledger and print the result' },
  {
    name: 'audit',
    takes: '[source..]',
    describe: 'Find what is wrong with the ledger, by itself or against WAL files; changes nothing',
  },
  { name: 'repair', describe: 'Remove records that the ledger holds more than once, and put its rollup right' },
  { name: 'bill', takes: '[source..]', describe: 'Bill a period: a statement for each tenant' },
  {
    name: 'bench',
    takes: '[source..]',
    describe: 'Measure how fast a replay is here, on your own files or generated ones, stage by stage',
  },
  { name: 'doctor', takes: '[source..]', describe: 'Look at the three stores, and say what to do when one is lost' },
  { name: 'backup postgres', describe: "Back up obleth's Postgres: a full dump with its roles" },
  { name: 'backup redis', describe: "Back up obleth's Redis" },
  { name: 'backup clickhouse', describe: 'Back up the ledger' },
  {
    name: 'restore postgres',
    takes: '[backup]',
    describe: "Restore obleth's Postgres in one transaction; with --to as it was at a moment, from its archive",
  },
  {
    name: 'restore redis',
    takes: '[backup]',
    describe: 'Lay a backup into the data directory of a stopped Redis, so that it loads it',
  },
  {
    name: 'restore clickhouse',
    takes: '[backup]',
    describe: 'Restore the ledger, and say how to close the gap behind it',
  },
  { name: 'backups list', describe: 'Print every backup, with its age, size and state' },
  { name: 'backups verify', takes: '[backup]', describe: 'Prove backups by their hashes and by their own programs' },
  {
    name: 'backups drill',
    takes: '[backup]',
    describe: 'Restore the newest backup of each store for practice, compare it, and time it',
  },
  { name: 'backups prune', describe: 'Show which backups a policy keeps, and why; --confirm removes the others' },
  { name: 'backup render', describe: 'Print a systemd timer or a Kubernetes CronJob that makes backups' },
  { name: 'pitr render', describe: 'Print configuration that archives Postgres continuously' },
  { name: 'pitr check', describe: 'Say whether Postgres is archived, and which moments can be recovered' },
  { name: 'ttl show', describe: 'Print when rows of the ledger expire' },
  { name: 'ttl set', describe: 'Set after how many days they expire, having shown what that drops' },
  { name: 'runs list', describe: 'Print the runs that the target knows of' },
  { name: 'runs show', takes: '<run>', describe: 'Print one run, day by day' },
  { name: 'runs discard', takes: '<run>', describe: 'Drop what a run staged and did not publish' },
  { name: 'runs undo', takes: '<run>', describe: 'Take back what a run published, the newest run first' },
  { name: 'config show', describe: 'Print every option, its value and where it came from' },
]

/** What a first word of several commands is about. */
export const GROUPS: Readonly<Record<string, string>> = {
  backup: 'Back up one of the three stores',
  restore: 'Bring one of the three stores back',
  backups: 'Show, prove and clear away backups',
  pitr: 'Archive Postgres continuously, for recoveries to any moment',
  ttl: 'Show and set when rows of the ledger expire',
  runs: 'Show, discard and undo runs',
  config: 'Show the configuration',
}

export const takesSources = (name: CommandName): boolean =>
  COMMAND_LIST.some((command) => command.name === name && command.takes === '[source..]')

/** Commands by their first word, in their order. */
export function byFirstWord(): ReadonlyMap<string, readonly Command[]> {
  const groups = new Map<string, Command[]>()
  for (const command of COMMAND_LIST) {
    const [first] = command.name.split(' ')
    groups.set(first, [...(groups.get(first) ?? []), command])
  }
  return groups
}
