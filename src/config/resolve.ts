import { z } from 'zod'
import { LedgerError } from '../domain/errors.js'
import type { Secret } from '../domain/options.js'
import { printable } from '../domain/printable.js'
import { readCaFile } from './ca-file.js'
import { readConfigFile } from './config-file.js'
import {
  describeOrigin,
  envLayer,
  type Flags,
  flagLayer,
  type Given,
  type Origin,
  type Problem,
  rank,
} from './layers.js'
import { OPTION_LIST, type OptionName, type OptionValues } from './options.js'
import { readPasswordFile } from './password-file.js'
import { splitUrlCredentials } from './url-credentials.js'

/** Where options come from: what the user wrote, before anyone has looked at it. */
export interface Untrusted {
  readonly flags: Flags
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
}

/** The parsed options of a run, with their origin. */
export interface Settings {
  readonly values: OptionValues
  /** Text as written, by option; without credentials, and without passwords. */
  readonly given: ReadonlyMap<OptionName, Given>
  readonly target: 'embedded' | 'server'
  readonly password: Secret | undefined
  /** PEM text of `--clickhouse-ca-file`. */
  readonly caCertificates: string | undefined
  /** Sentences about what works but should not stay so. */
  readonly warnings: readonly string[]
}

const SCHEMA = z.object(
  Object.fromEntries(
    OPTION_LIST.map(({ name, shape, parse, default: fallback }) => {
      const one = shape === 'list' ? z.array(parse) : parse
      return [name, fallback === undefined && shape !== 'list' ? one.optional() : one]
    }),
  ),
)

/**
 * Reads all layers (flag over environment over file over default) and checks every option.
 *
 * @throws LedgerError `usage` or `config` whose message lists every problem at once, a line each, with its place
 */
export async function resolveSettings(untrusted: Untrusted): Promise<Settings> {
  const flags = flagLayer(untrusted.flags)
  const env = envLayer(untrusted.env)
  const asked = flags.given.get('config') ?? env.given.get('config')
  const file = await readConfigFile(asked?.texts[0], untrusted.cwd)
  const merged = new Map([...file.given, ...env.given, ...flags.given])
  const { given, problems: urlProblems } = splitUrlCredentials(merged)
  const { values, problems: valueProblems } = parseValues(given)
  const problems = [...flags.problems, ...env.problems, ...file.problems, ...urlProblems, ...valueProblems]
  const warnings: string[] = []

  const target = preferred(given, 'clickhouse-url', 'embedded', problems) === 'clickhouse-url' ? 'server' : 'embedded'
  problems.push(...contradictions(values, given))
  const caCertificates = findCa(given, values, target, problems)
  const password = findPassword(given, values, problems, warnings)
  if (file.worldReadable && given.get('clickhouse-password')?.origin.kind === 'file') {
    warnings.push(`${file.path} holds a password and every user can read it: chmod 600 it`)
  }
  if (problems.length > 0) throw problemsError(problems, flags.problems.length === problems.length)
  return { values, given, target, password, caCertificates, warnings }
}

function parseValues(given: ReadonlyMap<OptionName, Given>): { values: OptionValues; problems: Problem[] } {
  const untrusted = Object.fromEntries(
    OPTION_LIST.map(({ name, shape, default: fallback }) => {
      const texts = given.get(name)?.texts
      return [name, shape === 'list' ? (texts ?? []) : (texts?.[0] ?? fallback)]
    }),
  )
  const parsed = SCHEMA.safeParse(untrusted)
  // The schema is built from the table that OptionValues is derived from.
  if (parsed.success) return { values: parsed.data as OptionValues, problems: [] }
  const problems = parsed.error.issues.map((issue) => {
    const name = issue.path[0] as OptionName
    return { at: placeOf(name, given), message: issue.message }
  })
  const bad = new Set(parsed.error.issues.map((issue) => issue.path[0]))
  const rest = SCHEMA.safeParse(
    Object.fromEntries(OPTION_LIST.map(({ name }) => [name, bad.has(name) ? defaultOf(name) : untrusted[name]])),
  )
  return { values: rest.data as OptionValues, problems }
}

function defaultOf(wanted: OptionName): string | string[] | undefined {
  const option = OPTION_LIST.find(({ name }) => name === wanted)
  return option?.shape === 'list' ? [] : option?.default
}

/** Place of an option's value for a message: `--since`, `OBLETH_LEDGER_SINCE`, `obleth-ledger.yaml:3 (since)`. */
function placeOf(name: OptionName, given: ReadonlyMap<OptionName, Given>): string {
  const origin: Origin = given.get(name)?.origin ?? { kind: 'default' }
  return origin.kind === 'file' || origin.kind === 'default'
    ? `${describeOrigin(origin)} (${name})`
    : describeOrigin(origin)
}

/** Which of two options that exclude each other was set in the higher layer; a problem where both stand in one. */
function preferred(
  given: ReadonlyMap<OptionName, Given>,
  one: OptionName,
  other: OptionName,
  problems: Problem[],
): OptionName | undefined {
  const [a, b] = [given.get(one), given.get(other)]
  if (a === undefined || b === undefined) return a ? one : b ? other : undefined
  if (rank(a.origin) === rank(b.origin)) {
    problems.push({ at: placeOf(one, given), message: `excludes ${placeOf(other, given)}: give one of them` })
  }
  return rank(a.origin) > rank(b.origin) ? one : other
}

function contradictions(values: OptionValues, given: ReadonlyMap<OptionName, Given>): Problem[] {
  const problems: Problem[] = []
  if (values.quiet && values.verbose) {
    problems.push({ at: placeOf('quiet', given), message: `excludes ${placeOf('verbose', given)}` })
  }
  if (values.since !== undefined && values.until !== undefined && values.since >= values.until) {
    problems.push({
      at: placeOf('until', given),
      message: `is not after ${placeOf('since', given)}: the window holds times at or after --since and before --until`,
    })
  }
  if (values.compare !== undefined && values.against !== undefined) {
    problems.push({ at: placeOf('compare', given), message: `excludes ${placeOf('against', given)}` })
  }
  if (values.json && given.get('json')?.origin.kind === 'flag' && given.get('format')?.origin.kind === 'flag') {
    problems.push({ at: '--json', message: 'excludes --format' })
  }
  return problems
}

function findPassword(
  given: ReadonlyMap<OptionName, Given>,
  values: OptionValues,
  problems: Problem[],
  warnings: string[],
): Secret | undefined {
  const source = preferred(given, 'clickhouse-password', 'clickhouse-password-file', problems)
  if (source === 'clickhouse-password') return values['clickhouse-password']
  const path = values['clickhouse-password-file']
  if (source === undefined || path === undefined) return undefined
  const read = readPasswordFile(path)
  if ('problem' in read) {
    problems.push({ at: placeOf('clickhouse-password-file', given), message: `the file ${path} ${read.problem}` })
    return undefined
  }
  if (read.worldReadable) warnings.push(`${path} holds a password and every user can read it: chmod 600 it`)
  return read.secret
}

function findCa(
  given: ReadonlyMap<OptionName, Given>,
  values: OptionValues,
  target: Settings['target'],
  problems: Problem[],
): string | undefined {
  const path = values['clickhouse-ca-file']
  if (path === undefined) return undefined
  const at = placeOf('clickhouse-ca-file', given)
  if (target === 'server' && values['clickhouse-url']?.startsWith('http:'))
    problems.push({ at, message: 'names a CA, but the URL is not an https one: nothing would be encrypted' })
  const read = readCaFile(path)
  if ('pem' in read) return read.pem
  problems.push({ at, message: `the file ${path} ${read.problem}` })
  return undefined
}

function problemsError(problems: readonly Problem[], onlyFlags: boolean): LedgerError {
  const lines = problems.map(({ at, message }) => `${printable(at)}: ${printable(message)}`)
  return new LedgerError(onlyFlags ? 'usage' : 'config', lines.join('\n'), {
    hint: 'once they are right, obleth-ledger config show prints every option and where its value came from',
  })
}
