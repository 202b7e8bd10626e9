import yargs, { type Argv, type Options } from 'yargs'
import type { CommandName } from '../config/command-names.js'
import { closestOption, type Flags } from '../config/layers.js'
import { belongsTo, OPTION_LIST } from '../config/options.js'
import { LedgerError } from '../domain/errors.js'
import { byFirstWord, COMMAND_LIST, type Command, GROUPS, takesSources } from './command-list.js'
import { ADVICE } from './examples.js'
import { sourceExamples } from './source-examples.js'

/** What the command line asks for: a command, or text that the argument parser has made (help, version, completion). */
export type Invocation =
  | { readonly kind: 'command'; readonly command: CommandName; readonly flags: Flags; readonly words: Words }
  | { readonly kind: 'text'; readonly text: string }

/** Positional words that are no options: the statement of `query`, a run, a backup; '' where there is none. */
export interface Words {
  readonly sql: string
  readonly run: string
  readonly backup: string
}

interface Parsed extends Record<string, unknown> {
  readonly _: readonly (string | number)[]
}

/**
 * Parses strictly: an unknown command, option or extra word is an error. Values stay text; the config stage reads them.
 *
 * @throws LedgerError `usage`
 */
export async function parseArguments(argv: readonly string[], version: string): Promise<Invocation> {
  let chosen: Invocation | undefined
  const choose = (command: CommandName) => (parsed: Parsed) => {
    const [extra] = restOf(parsed, command)
    if (extra !== undefined && !takesSources(command)) throw usage(`Unknown argument: ${extra}`, argv)
    chosen = { kind: 'command', command, flags: flagsOf(parsed, command), words: wordsOf(parsed) }
  }
  const parser = yargs([...argv])
    .scriptName('obleth-ledger')
    .locale('en')
    .usage('$0 <command> [options]')
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'duplicate-arguments-array': true,
      'greedy-arrays': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'strip-aliased': true,
    })
    .demandCommand(1, 'no command is named')
    .strict()
    .recommendCommands()
    .version(version)
    .help()
    .alias('help', 'h')
    .wrap(100)
    .epilogue('Every option can be set as OBLETH_LEDGER_<OPTION> and in obleth-ledger.yaml too; see the README.')
    .showHelpOnFail(false)
    .exitProcess(false)
    .fail((message, error) => {
      throw error instanceof LedgerError ? error : usage(message ?? error?.message ?? 'wrong arguments', argv)
    })
  for (const [first, commands] of byFirstWord()) addCommands(parser, first, commands, argv, choose)
  parser.completion('completion', 'Print a completion script for bash or zsh')
  let text = ''
  await parser.parseAsync([...argv], {}, (_error: unknown, _parsed: unknown, output: string) => {
    text = output
  })
  if (text !== '') return { kind: 'text', text: `${text.trimEnd()}\n` }
  if (chosen === undefined) throw usage('no command is named', argv)
  return chosen
}

/** One command, or those that share a first word. */
function addCommands(
  parser: Argv,
  first: string,
  commands: readonly Command[],
  argv: readonly string[],
  choose: (command: CommandName) => (parsed: Parsed) => void,
): void {
  const add = (to: Argv, { name, takes, describe }: Command) => {
    const word = name.split(' ').at(-1)
    to.command(`${word}${takes === undefined ? '' : ` ${takes}`}`, describe, build(name, argv), choose(name))
  }
  if (GROUPS[first] === undefined) for (const command of commands) add(parser, command)
  else
    parser.command(first, GROUPS[first], (group) => {
      for (const command of commands) add(group, command)
      const names = commands.map(({ name }) => name)
      const last = names.at(-1)?.split(' ').at(-1)
      const all =
        names.length === 1 ? names[0] : `${names.slice(0, -1).join(', ').replaceAll(`, ${first} `, ', ')} or ${last}`
      return group.demandCommand(1, `${first} needs to know what to do: ${all}`)
    })
}

/** Words that make yargs print its options, or list them for a shell. */
const asksForOptions = (argv: readonly string[]) => argv.some((word) => /^-\w*h|^--h|compl/.test(word))

/**
 * Options of a command. yargs lays out the help of every command that it runs, a tenth of a second's work: where nobody
 * asked for it, the options are left out of it.
 */
const build =
  (command: CommandName, argv: readonly string[]) =>
  (parser: Argv): Argv => {
    const hidden = !asksForOptions(argv)
    if (takesSources(command)) {
      const source = OPTION_LIST.find(({ name }) => name === 'source')
      parser.positional('source', { type: 'string', array: true, describe: source?.describe ?? '' })
      if (!hidden) parser.epilogue(sourceExamples(command))
    }
    const takes = COMMAND_LIST.find(({ name }) => name === command)?.takes
    if (takes === '<sql>') parser.positional('sql', { type: 'string', describe: 'One statement' })
    if (takes === '<run>') parser.positional('run', { type: 'string', describe: 'A run, as `runs list` names it' })
    if (takes === '[backup]')
      parser.positional('backup', {
        type: 'string',
        describe: 'A backup, as `backups list` names it; latest for the newest',
      })
    const advice = hidden ? undefined : ADVICE[command]
    if (advice !== undefined) parser.example(advice.examples).epilogue(`${advice.text}\n`)
    for (const option of OPTION_LIST) {
      if (option.flag !== undefined || !belongsTo(option, command)) continue
      const shared: Options = {
        // Accepted, as by every command; but who collects in an outage has no use for them.
        hidden: hidden || (command === 'collect' && option.group === 'Target'),
        describe: option.describe,
        group: `${option.group}:`,
        ...(option.short === undefined ? {} : { alias: option.short }),
      }
      const fallback = option.shape === 'switch' ? undefined : (option.default ?? option.unset)
      const described = fallback === undefined ? shared : { ...shared, defaultDescription: fallback }
      if (option.shape === 'switch') parser.option(option.name, { ...described, type: 'boolean' })
      else
        parser.option(option.name, { ...described, type: 'string', requiresArg: true, array: option.shape === 'list' })
    }
    return parser
  }

/** Words behind `--` reach yargs as commands; here they are what they would have been without it. */
const restOf = (parsed: Parsed, command: CommandName) => parsed._.slice(command.split(' ').length).map(String)

function flagsOf(parsed: Parsed, command: CommandName): Flags {
  const flags: Record<string, string | boolean | string[] | undefined> = {}
  for (const { name } of OPTION_LIST) flags[name] = parsed[name] as string | boolean | string[] | undefined
  if (takesSources(command)) {
    flags.source = [...((parsed.source ?? []) as string[]), ...restOf(parsed, command)]
  }
  return flags
}

const wordsOf = ({ sql = '', run = '', backup = '' }: Parsed): Words => {
  return { sql: String(sql), run: String(run), backup: String(backup) }
}

function usage(message: string, argv: readonly string[]): LedgerError {
  const unknown = /^Unknown arguments?: ([a-z-]+)/.exec(message)?.[1]
  const suggested = unknown === undefined ? '' : closestOption(unknown, (name) => `--${name}`)
  const command = argv.find((word) => byFirstWord().has(word))
  return new LedgerError('usage', `${message}${suggested}`, {
    hint: `obleth-ledger ${command === undefined ? '' : `${command} `}--help lists what there is`,
  })
}
