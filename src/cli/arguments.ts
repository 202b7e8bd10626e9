import yargs, { type Argv, type Options } from 'yargs'
import { closestOption, type Flags } from '../config/layers.js'
import { type CommandName, OPTION_LIST } from '../config/options.js'
import { LedgerError } from '../domain/errors.js'
import { sourceExamples } from './source-examples.js'

/** What the command line asks for: a command, or text that the argument parser has made (help, version, completion). */
export type Invocation =
  | { readonly kind: 'command'; readonly command: CommandName; readonly flags: Flags; readonly words: Words }
  | { readonly kind: 'text'; readonly text: string }

/** Positional words that are no options: the statement of `query`, the run of `runs …`; '' where there is none. */
export interface Words {
  readonly sql: string
  readonly run: string
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
    .command(
      'replay [source..]',
      "Rebuild the ledger from the pods' WAL files",
      build('replay', argv),
      choose('replay'),
    )
    .command(
      'inspect [source..]',
      'Count what is in WAL files, without a ledger',
      build('inspect', argv),
      choose('inspect'),
    )
    .command(
      'collect [source..]',
      'Copy the WAL of all pods into a folder, with a manifest that proves it',
      build('collect', argv),
      choose('collect'),
    )
    .command('query <sql>', 'Run SQL on the ledger and print the result', build('query', argv), choose('query'))
    .command(
      'audit [source..]',
      'Find what is wrong with the ledger, by itself or against WAL files; changes nothing',
      build('audit', argv),
      choose('audit'),
    )
    .command(
      'repair',
      'Remove records that the ledger holds more than once, and put its rollup right',
      build('repair', argv),
      choose('repair'),
    )
    .command('bill [source..]', 'Bill a period: a statement for each tenant', build('bill', argv), choose('bill'))
    .command('runs', 'Show, discard and undo runs', (runs) =>
      runs
        .command('list', 'Print the runs that the target knows of', build('runs list', argv), choose('runs list'))
        .command('show <run>', 'Print one run, day by day', build('runs show', argv), choose('runs show'))
        .command(
          'discard <run>',
          'Drop what a run staged and did not publish',
          build('runs discard', argv),
          choose('runs discard'),
        )
        .command(
          'undo <run>',
          'Take back what a run published, the newest run first',
          build('runs undo', argv),
          choose('runs undo'),
        )
        .demandCommand(1, 'runs needs to know what to do: runs list, show, discard or undo'),
    )
    .command('config', 'Show the configuration', (config) =>
      config
        .command(
          'show',
          'Print every option, its value and where it came from',
          build('config show', argv),
          choose('config show'),
        )
        .demandCommand(1, 'config needs to know what to do: config show'),
    )
    .completion('completion', 'Print a completion script for bash or zsh')
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
  let text = ''
  await parser.parseAsync([...argv], {}, (_error: unknown, _parsed: unknown, output: string) => {
    text = output
  })
  if (text !== '') return { kind: 'text', text: `${text.trimEnd()}\n` }
  if (chosen === undefined) throw usage('no command is named', argv)
  return chosen
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
    if (command === 'query') parser.positional('sql', { type: 'string', describe: 'One statement' })
    if (takesRun(command)) parser.positional('run', { type: 'string', describe: 'A run, as `runs list` names it' })
    for (const option of OPTION_LIST) {
      if (option.flag !== undefined || !option.commands.includes(command)) continue
      const shared: Options = {
        hidden,
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

const takesSources = (command: CommandName): boolean => /^(replay|inspect|collect|audit|bill)$/.test(command)

const takesRun = (command: CommandName): boolean => command.startsWith('runs ') && command !== 'runs list'

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

const wordsOf = ({ sql = '', run = '' }: Parsed): Words => ({ sql: String(sql), run: String(run) })

function usage(message: string, argv: readonly string[]): LedgerError {
  const unknown = /^Unknown arguments?: ([a-z-]+)/.exec(message)?.[1]
  const suggested = unknown === undefined ? '' : closestOption(unknown, (name) => `--${name}`)
  const command = argv.find((word) => /^(replay|inspect|collect|query|repair|bill|audit|runs|config)$/.test(word))
  return new LedgerError('usage', `${message}${suggested}`, {
    hint: `obleth-ledger ${command === undefined ? '' : `${command} `}--help lists what there is`,
  })
}
