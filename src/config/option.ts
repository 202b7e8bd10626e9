import type { CommandName } from './command-names.js'
import type { Parser } from './parsers.js'

/** What an option is: the single source for flag, environment variable, key of the config file, help and documentation. */
export interface OptionSpec<T> {
  readonly parse: Parser<T>
  /** One value, a switch (a flag that takes no value), or several values separated by `separator` in the environment. */
  readonly shape: 'value' | 'switch' | 'list'
  /** Text, as a user would write it; absent where an unset option means something of its own. */
  readonly default?: string
  /** What the help says for an unset option without a default. */
  readonly unset?: string
  readonly separator?: RegExp
  /** Variables of obleth or of custom, read where ours is not set. `anyTextMeans`: what a non-empty text stands for. */
  readonly alsoFrom?: { readonly name: string; readonly anyTextMeans?: string }
  /** `no`: environment and file only, never a flag, since every user of the machine can read a command line. */
  readonly flag?: 'no' | 'positional'
  readonly short?: string
  /** `no`: it says which file is read, so it cannot stand in one. */
  readonly file?: 'no'
  readonly group:
    | 'Target'
    | 'Input'
    | 'Replay'
    | 'Query'
    | 'Audit'
    | 'Bill'
    | 'Backup'
    | 'Recovery'
    | 'Bench'
    | 'Output'
  readonly commands: readonly CommandName[]
  readonly describe: string
}

export function option<T, const S extends Omit<OptionSpec<T>, 'parse'>>(parser: Parser<T>, spec: S) {
  return { parse: parser, ...spec }
}
