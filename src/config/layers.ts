import { ENV_PREFIX, envName, isOptionName, OPTION_LIST, type OptionName } from './options.js'

/** Where a value was written. */
export type Origin =
  | { readonly kind: 'flag'; readonly name: string }
  /** `own`: a variable of this tool, not one of obleth's. */
  | { readonly kind: 'env'; readonly name: string; readonly own: boolean }
  | { readonly kind: 'file'; readonly path: string; readonly line: number }
  | { readonly kind: 'default' }

/** A value that nobody has looked at yet: text as written, several where the option is a list. */
export interface Given {
  readonly texts: readonly string[]
  readonly origin: Origin
}

/** Something wrong with what the user wrote, and where it stands. */
export interface Problem {
  readonly at: string
  readonly message: string
}

export interface Layer {
  readonly given: ReadonlyMap<OptionName, Given>
  readonly problems: readonly Problem[]
}

/** Higher beats lower. Flag over environment (our names, then obleth's) over file over default. */
export function rank(origin: Origin): number {
  switch (origin.kind) {
    case 'flag':
      return 4
    case 'env':
      return origin.own ? 3 : 2
    case 'file':
      return 1
    case 'default':
      return 0
  }
}

/** The origin in words, for messages and `config show`. */
export function describeOrigin(origin: Origin): string {
  switch (origin.kind) {
    case 'flag':
      return origin.name
    case 'env':
      return origin.name
    case 'file':
      return `${origin.path}:${origin.line}`
    case 'default':
      return 'default'
  }
}

/** What stands on the command line, by option name, as the argument parser hands it over. */
export type Flags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>

export function flagLayer(flags: Flags): Layer {
  const given = new Map<OptionName, Given>()
  const problems: Problem[] = []
  for (const option of OPTION_LIST) {
    const value = flags[option.name]
    if (value === undefined) continue
    const name = option.flag === 'positional' ? `<${option.name}>` : `--${option.name}`
    const texts = Array.isArray(value) ? value.map(String) : [String(value)]
    if (texts.length === 0) continue
    if (option.shape !== 'list' && texts.length > 1) problems.push({ at: name, message: 'is given more than once' })
    else given.set(option.name, { texts, origin: { kind: 'flag', name } })
  }
  return { given, problems }
}

/**
 * Our variables, and obleth's where ours are unset. An empty variable counts as unset. One that starts with our prefix
 * and names no option is a problem: a mistyped target would otherwise be another target.
 */
export function envLayer(env: Readonly<Record<string, string | undefined>>): Layer {
  const given = new Map<OptionName, Given>()
  const known = new Set<string>()
  for (const option of OPTION_LIST) {
    const own = envName(option.name)
    known.add(own)
    const foreign = option.alsoFrom
    const name = env[own] ? own : foreign?.name
    const value = name === undefined ? undefined : env[name]
    if (name === undefined || !value) continue
    const text = name === own ? value : (foreign?.anyTextMeans ?? value)
    const texts = option.shape === 'list' ? split(text, option.separator ?? /\n/) : [text]
    if (texts.length > 0) given.set(option.name, { texts, origin: { kind: 'env', name, own: name === own } })
  }
  const problems = Object.keys(env)
    .filter((name) => name.startsWith(ENV_PREFIX) && env[name] && !known.has(name))
    .map((name) => ({ at: name, message: `names no option${suggestion(name)}` }))
  return { given, problems }
}

const split = (text: string, separator: RegExp): string[] => {
  return text
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

function suggestion(name: string): string {
  const bare = name.slice(ENV_PREFIX.length).toLowerCase().replaceAll('_', '-')
  return closestOption(bare, (option) => envName(option))
}

/** `; did you mean x?` for the option whose name is at most two edits away, or nothing. */
export function closestOption(name: string, print: (option: OptionName) => string): string {
  if (isOptionName(name)) return ''
  let best: OptionName | undefined
  let least = 3
  for (const option of OPTION_LIST) {
    const edits = distance(name, option.name)
    if (edits < least) {
      least = edits
      best = option.name
    }
  }
  return best === undefined ? '' : `; did you mean ${print(best)}?`
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1))
    }
    previous = row
  }
  return previous[b.length]
}
