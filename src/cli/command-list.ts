import type { CommandName } from '../config/options.js'

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
    describe: 'Copy the WAL of all pods into a folder, with a manifest that proves it',
  },
  { name: 'query', takes: '<sql>', describe: 'Run SQL on the ledger and print the result' },
  {
    name: 'audit',
    takes: '[source..]',
    describe: 'Find what is wrong with the ledger, by itself or against WAL files; changes nothing',
  },
  { name: 'repair', describe: 'Remove records that the ledger holds more than once, and put its rollup right' },
  { name: 'bill', takes: '[source..]', describe: 'Bill a period: a statement for each tenant' },
  { name: 'backup postgres', describe: "Back up obleth's Postgres: a full dump with its roles" },
  { name: 'backup redis', describe: "Back up obleth's Redis" },
  { name: 'backup clickhouse', describe: 'Back up the ledger' },
  { name: 'backups list', describe: 'Print every backup, with its age, size and state' },
  { name: 'backups verify', takes: '[backup]', describe: 'Prove backups by their hashes and by their own programs' },
  { name: 'backups prune', describe: 'Show which backups a policy keeps, and why; --confirm removes the others' },
  {
    name: 'restore postgres',
    takes: '[backup]',
    describe: "Restore obleth's Postgres; with --to as it was at a moment, from its archive",
  },
  { name: 'pitr render', describe: 'Print configuration that archives Postgres continuously' },
  { name: 'pitr check', describe: 'Say whether Postgres is archived, and which moments can be recovered' },
  { name: 'runs list', describe: 'Print the runs that the target knows of' },
  { name: 'runs show', takes: '<run>', describe: 'Print one run, day by day' },
  { name: 'runs discard', takes: '<run>', describe: 'Drop what a run staged and did not publish' },
  { name: 'runs undo', takes: '<run>', describe: 'Take back what a run published, the newest run first' },
  { name: 'config show', describe: 'Print every option, its value and where it came from' },
]

/** What a first word of several commands is about. */
export const GROUPS: Readonly<Record<string, string>> = {
  backup: 'Back up one of the three stores',
  backups: 'Show, prove and clear away backups',
  restore: 'Restore one of the three stores',
  pitr: 'Archive Postgres continuously, for recoveries to any moment',
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
