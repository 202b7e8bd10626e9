import { Secret } from '../domain/options.js'
import { describeOrigin, type Origin } from './layers.js'
import { OPTION_LIST, type OptionName, type OptionValues } from './options.js'
import type { Settings } from './resolve.js'

/** An option as `config show` prints it. Passwords are `Secret`s in `value` and stars in `text`. */
export interface ShownOption {
  readonly option: OptionName
  /** As parsed (sizes in bytes, times in ms); null where it is unset. */
  readonly value: OptionValues[OptionName] | null
  /** As written, or what an unset option means, in parentheses. */
  readonly text: string
  readonly from: string
  readonly origin: Origin
  /** Why it has no effect, or ''. */
  readonly note: string
}

/** Every option with its value and where it came from, in the order of the table. */
export function shownOptions(settings: Settings): ShownOption[] {
  return OPTION_LIST.map((option) => {
    const given = settings.given.get(option.name)
    const origin: Origin = given?.origin ?? { kind: 'default' }
    const unset = `(${option.unset ?? 'not set'})`
    const text = given === undefined ? (option.default ?? unset) : given.texts.join(', ')
    const value = settings.values[option.name] ?? null
    return {
      option: option.name,
      value,
      text: value instanceof Secret ? String(value) : text,
      from: describeOrigin(origin),
      origin,
      note: noteOn(option.name, settings),
    }
  })
}

const SERVER_ONLY: readonly OptionName[] = [
  'clickhouse-url',
  'clickhouse-user',
  'clickhouse-password',
  'clickhouse-password-file',
]

function noteOn(name: OptionName, { target, given, password, values }: Settings): string {
  if (!given.has(name)) return ''
  if (target === 'embedded' && SERVER_ONLY.includes(name)) return 'not used: the ledger is embedded'
  if (target === 'server' && name === 'embedded') return 'not used: a server is named'
  if (name === 'clickhouse-password-file' && password !== undefined && password === values['clickhouse-password']) {
    return 'not used: a password is given'
  }
  return name === 'clickhouse-password' && password !== values['clickhouse-password'] ? 'not used: a file is given' : ''
}
