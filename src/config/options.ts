import type { CommandName } from './command-names.js'
import type { OptionSpec } from './option.js'
import { AUDIT_OPTIONS } from './options/audit.js'
import { BACKUP_OPTIONS } from './options/backup.js'
import { BENCH_OPTIONS } from './options/bench.js'
import { BILL_OPTIONS } from './options/bill.js'
import { INPUT_OPTIONS } from './options/input.js'
import { OUTPUT_OPTIONS } from './options/output.js'
import { QUERY_OPTIONS } from './options/query.js'
import { RECOVERY_OPTIONS } from './options/recovery.js'
import { REPLAY_OPTIONS } from './options/replay.js'
import { TARGET_OPTIONS } from './options/target.js'
import type { Parser } from './parsers.js'

/** Every option, in the order of the help. */
export const OPTIONS = {
  ...INPUT_OPTIONS,
  ...TARGET_OPTIONS,
  ...REPLAY_OPTIONS,
  ...AUDIT_OPTIONS,
  ...QUERY_OPTIONS,
  ...BILL_OPTIONS,
  ...BACKUP_OPTIONS,
  ...OUTPUT_OPTIONS,
  ...RECOVERY_OPTIONS,
  ...BENCH_OPTIONS,
} as const satisfies Record<string, OptionSpec<unknown>>

export type OptionName = keyof typeof OPTIONS

type ValueOf<S> = S extends { parse: Parser<infer T> } ? T : never

/** What the options mean, a property each under the option's own name. Lists are empty where nothing is set. */
export type OptionValues = {
  readonly [N in OptionName]: (typeof OPTIONS)[N] extends { shape: 'list' }
    ? readonly ValueOf<(typeof OPTIONS)[N]>[]
    : (typeof OPTIONS)[N] extends { default: string }
      ? ValueOf<(typeof OPTIONS)[N]>
      : ValueOf<(typeof OPTIONS)[N]> | undefined
}

/** The table seen without its types, for loops over it. */
export const OPTION_LIST: readonly (OptionSpec<unknown> & { readonly name: OptionName })[] = Object.entries(
  OPTIONS as Record<string, OptionSpec<unknown>>,
).map(([name, spec]) => ({ ...spec, name: name as OptionName }))

/** Whether a command takes an option; `config show` takes all of them. */
export const belongsTo = ({ commands }: Pick<OptionSpec<unknown>, 'commands'>, command: CommandName): boolean =>
  command === 'config show' || commands.includes(command)

export const isOptionName = (name: string): name is OptionName => Object.hasOwn(OPTIONS, name)

export const ENV_PREFIX = 'OBLETH_LEDGER_'

/** `state-dir` → `OBLETH_LEDGER_STATE_DIR`. */
export const envName = (name: OptionName): string => ENV_PREFIX + name.toUpperCase().replaceAll('-', '_')
