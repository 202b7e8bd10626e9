import { Temporal } from 'temporal-polyfill'
import { z } from 'zod'
import { Secret } from '../domain/options.js'
import type { Repository } from '../domain/pitr.js'
import { MAX_TS_MS } from '../domain/record.js'

/**
 * Text to value, one parser per kind of option. Every layer (flag, environment, file) hands over text, so that a
 * value means the same wherever it is written. Messages never repeat the text: it may be a secret put in the wrong place.
 */
export type Parser<T> = z.ZodType<T, string>

function parser<T>(read: (text: string) => T | Problem): Parser<T> {
  return z.string().transform((text, context) => {
    const value = read(text)
    if (!(value instanceof Problem)) return value
    context.addIssue({ code: 'custom', message: value.message })
    return z.NEVER
  })
}

class Problem {
  constructor(readonly message: string) {}
}

/** Any text but the empty one. */
export const text: Parser<string> = parser((given) => (given === '' ? new Problem('is empty') : given))

export const secret: Parser<Secret> = parser((given) => (given === '' ? new Problem('is empty') : new Secret(given)))

/** Goes into a header: what an id, an ARN or an alias of AWS is made of, and nothing else. */
export const kmsKey: Parser<string> = parser((given) =>
  /^[\w:/-]{1,2048}$/.test(given) ? given : new Problem('is no id, ARN or alias of a key'),
)

const WORDS = new Map([
  ['true', true],
  ['1', true],
  ['yes', true],
  ['false', false],
  ['0', false],
  ['no', false],
])

export const flag: Parser<boolean> = parser((given) => {
  return WORDS.get(given.toLowerCase()) ?? new Problem('is neither true nor false')
})

export function wholeNumber(min: number, max: number): Parser<number> {
  return parser((given) => {
    const value = /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN
    return value >= min && value <= max ? value : new Problem(`is not a whole number from ${min} to ${max}`)
  })
}

const GROUP = /^\d{4}-\d\d-\d\d\/[0-9a-f-]{36}\/[0-9a-f-]{36}\/./s

/** A group of the rollup: day/tenant/key/model. A model may hold slashes. */
export const rollupGroup: Parser<string> = parser((given) =>
  GROUP.test(given)
    ? given
    : new Problem('is no group day/tenant/key/model, such as 2026-03-10/<uuid>/<uuid>/gpt-large'),
)

export function oneOf<T extends string>(...words: readonly T[]): Parser<T> {
  return parser((given) => words.find((word) => word === given) ?? new Problem(`is not one of ${words.join(', ')}`))
}

const SIZE_UNITS = new Map([
  ['', 1],
  ['b', 1],
  ['kb', 1e3],
  ['mb', 1e6],
  ['gb', 1e9],
  ['tb', 1e12],
  ['kib', 2 ** 10],
  ['mib', 2 ** 20],
  ['gib', 2 ** 30],
  ['tib', 2 ** 40],
])

/** Bytes: `64MiB`, `1.5GiB`, `500MB` or a plain number. `64M` is refused, since people disagree on what it means. */
export function byteSize(min: number): Parser<number> {
  return parser((given) => {
    const match = /^(\d{1,15}(?:\.\d{1,6})?) ?([a-z]*)$/i.exec(given)
    const unit = SIZE_UNITS.get(match?.[2].toLowerCase() ?? '?')
    if (!match || unit === undefined) return new Problem('is not a size: write it as 64MiB or 1GiB')
    const bytes = Math.round(Number(match[1]) * unit)
    if (bytes < min) return new Problem(`is less than ${min < 2 ** 20 ? `${min / 2 ** 10}KiB` : `${min / 2 ** 20}MiB`}`)
    return bytes <= Number.MAX_SAFE_INTEGER ? bytes : new Problem('is too large')
  })
}

const DURATION_UNITS = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
])
const LONGEST_WAIT_MS = 24 * 3_600_000

/** Milliseconds: `1500ms`, `30s`, `5m`, `1h`; at most a day. A unit is required. */
export const duration: Parser<number> = parser((given) => {
  const match = /^(\d{1,9})(ms|s|m|h)$/.exec(given)
  if (!match) return new Problem('is not a duration: write it as 30s, 5m or 1500ms')
  const ms = Number(match[1]) * (DURATION_UNITS.get(match[2]) ?? 0)
  return ms > 0 && ms <= LONGEST_WAIT_MS ? ms : new Problem('is not between 1ms and 24h')
})

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/
const LOOKS_LIKE_SECONDS_BELOW = 100_000_000_000

/**
 * Unix milliseconds from RFC 3339 with an offset, or from epoch milliseconds. A time without an offset is refused: it
 * would mean another moment on every machine. A fraction below the millisecond is rounded up, which keeps a half-open
 * window over whole milliseconds exact at either end.
 */
export const moment: Parser<number> = parser(readMoment)

function readMoment(given: string): number | Problem {
  if (/^\d+$/.test(given)) {
    const ms = Number(given)
    if (ms !== 0 && ms < LOOKS_LIKE_SECONDS_BELOW) return new Problem('looks like seconds: write epoch milliseconds')
    return ms <= MAX_TS_MS ? ms : new Problem('is after the year 2100: write epoch milliseconds')
  }
  if (!RFC_3339.test(given)) {
    const offset = /^\d{4}-\d\d-\d\d(?:[Tt ][\d:.]+)?$/.test(given)
    return new Problem(
      offset
        ? 'has no time zone offset: write it as 2026-03-01T00:00:00Z or 2026-03-01T00:00:00+01:00'
        : 'is not a time: write it as 2026-03-01T00:00:00Z or as epoch milliseconds',
    )
  }
  const ns = nanoseconds(given)
  return ns instanceof Problem ? ns : Number(ns / 1_000_000n + (ns % 1_000_000n > 0n ? 1n : 0n))
}

function nanoseconds(rfc3339: string): bigint | Problem {
  try {
    return Temporal.Instant.from(rfc3339).epochNanoseconds
  } catch {
    return new Problem('is a day or time that does not exist')
  }
}

/** Unix microseconds, which is as fine as Postgres knows time, from what `moment` reads. */
export const microseconds: Parser<bigint> = parser((given) => {
  const ms = readMoment(given)
  if (ms instanceof Problem) return ms
  const ns = RFC_3339.test(given) ? nanoseconds(given) : BigInt(ms) * 1_000_000n
  if (ns instanceof Problem) return ns
  return ns % 1000n === 0n ? ns / 1000n : new Problem('is finer than a microsecond, which Postgres does not know')
})

/** A half-open window in unix ms, from two moments: `2026-03-01T00:00:00Z..2026-03-01T04:00:00Z`. */
export const momentRange: Parser<{ readonly fromMs: number; readonly toMs: number }> = parser((given) => {
  const [from, to, ...more] = given.split('..').map((moment) => readMoment(moment.trim()))
  if (to === undefined || more.length > 0) return new Problem('is not from..to, two times with two dots between')
  if (from instanceof Problem) return from
  if (to instanceof Problem) return to
  return from < to ? { fromMs: from, toMs: to } : new Problem('ends before it begins')
})

/** Lower-case hyphenated UUID from any of the spellings that the gateway's uuid library reads. */
export const uuid: Parser<string> = parser((given) => {
  const bare = given.replace(/^urn:uuid:/i, '').replace(/^\{(.*)\}$/, '$1')
  const match = /^([0-9a-f]{8})(-?)([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{12})$/i.exec(bare)
  if (!match) return new Problem('is not a UUID')
  return [match[1], match[3], match[4], match[5], match[6]].join('-').toLowerCase()
})

/** A database name that obleth accepts. */
export const identifier: Parser<string> = parser((given) => {
  return /^[A-Za-z0-9_]{1,64}$/.test(given) ? given : new Problem('is not a name of 1 to 64 letters, digits or _')
})

/** A ClickHouse output format's name. */
export const formatName: Parser<string> = parser((given) => {
  return /^[A-Za-z][A-Za-z0-9]{0,63}$/.test(given) ? given : new Problem('is not the name of an output format')
})

/** http(s) URL of a server without credentials (the layers take those out before), query or fragment; no slash at the end. */
export const serverUrl: Parser<string> = parser((given) => {
  if (!URL.canParse(given)) return new Problem('is not a URL: write it as http://host:8123')
  const url = new URL(given)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return new Problem('is neither an http nor an https URL')
  if (url.search !== '' || url.hash !== '') return new Problem('must not have a query or fragment')
  if (url.username !== '' || url.password !== '')
    return new Problem('holds a user or password: give them by options of their own, or percent-encode them')
  return url.href.replace(/\/+$/, '')
})

/** A year, month or day of the calendar: `2025`, `2025-06`, `2025-06-30`. Whether it exists is seen with its zone. */
export const calendarPeriod: Parser<string> = parser((given) => {
  return /^\d{4}(-\d\d){0,2}$/.test(given) ? given : new Problem('is not a month, year or day: write it as 2025-06')
})

/** A zone that this machine's rules know, by its IANA name, or an offset such as +05:30. */
export const timeZone: Parser<string> = parser((given) => {
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(given).timeZoneId
  } catch {
    return new Problem('is not a time zone: write it as Europe/Berlin or +01:00')
  }
})

/** URL of a Postgres; secret, since it may hold a password. */
export const postgresUrl: Parser<Secret> = parser((given) => {
  return /^postgres(ql)?:\/\//.test(given) && URL.canParse(given)
    ? new Secret(given)
    : new Problem('is not a URL of a Postgres: write it as postgres://user@host:5432/obleth')
})

/** URL of a Redis; secret, since it may hold a password. */
export const redisUrl: Parser<Secret> = parser((given) => {
  return /^rediss?:\/\//.test(given) && URL.canParse(given)
    ? new Secret(given)
    : new Problem('is not a URL of a Redis: write it as redis://host:6379/0')
})

/** Minutes from midnight: `02:15`. */
export const timeOfDay: Parser<number> = parser((given) => {
  const match = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(given)
  return match ? Number(match[1]) * 60 + Number(match[2]) : new Problem('is not a time of day: write it as 02:15')
})

/** Version of a Redis, by its first two numbers at least. */
export const redisVersion: Parser<string> = parser((given) => {
  return /^\d{1,3}\.\d{1,3}(\.\d{1,3})?$/.test(given) ? given : new Problem('is not a version: write it as 7.4')
})

/** An absolute path of letters, digits and `_ . @ + ~ -`: it becomes part of files and commands of several syntaxes. */
export const absolutePath: Parser<string> = parser((given) => {
  return /^(\/[\p{L}\p{N}_.@+~-]+)+\/?$/u.test(given) && !/\/\.\.?(\/|$)/.test(given)
    ? given.replace(/\/$/, '')
    : new Problem('is not an absolute path of letters, digits, _ . @ + ~ and -')
})

/** Folder of a socket, or a host. */
export const socketOrHost: Parser<string> = parser((given) => {
  if (given.startsWith('/')) return absolutePath.safeParse(given).data ?? new Problem('is not the folder of a socket')
  return /^[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/.test(given)
    ? given
    : new Problem('is neither the folder of a socket nor a host')
})

/** Name of a cluster that pgBackRest and Barman take. */
export const clusterName: Parser<string> = parser((given) => {
  return /^[A-Za-z][A-Za-z0-9_-]{0,62}$/.test(given)
    ? given
    : new Problem('is not a name: it begins with a letter, then up to 62 letters, digits, _ or -')
})

/** A role of Postgres that needs no quotes anywhere. */
export const roleName: Parser<string> = parser((given) => {
  return /^[A-Za-z_][A-Za-z0-9_-]{0,62}$/.test(given) ? given : new Problem('is not the name of a role')
})

/** A name of Kubernetes: a DNS label. */
export const kubernetesName: Parser<string> = parser((given) => {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(given)
    ? given
    : new Problem('is not a name of Kubernetes: 1 to 63 lower-case letters, digits and hyphens')
})

/** A region of a store: `eu-central-1`. */
export const regionName: Parser<string> = parser((given) => {
  return /^[A-Za-z0-9-]{1,63}$/.test(given) ? given : new Problem('is not the name of a region')
})

/** Where an archive is kept: a folder, or a bucket with a prefix. */
export const repository: Parser<Repository> = parser((given) => {
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/s.exec(given) ?? []
  if (bucket !== undefined) {
    const parts = prefix.split('/').filter((part) => part !== '')
    const safe = parts.every((part) => /^[\w.-]+$/.test(part) && !/^\.\.?$/.test(part))
    if (!safe) return new Problem('has a prefix that is not of letters, digits, _ . and -')
    return { kind: 's3', bucket, prefix: parts.join('/') }
  }
  const path = absolutePath.safeParse(given).data
  return path === undefined
    ? new Problem('is neither an absolute path nor s3://bucket/prefix')
    : { kind: 'folder', path }
})

const DAY_MS = 24 * 3_600_000

/** Milliseconds as an age: `10m`, `26h`, `7d`. */
export const age: Parser<number> = parser((given) => {
  const [, number, unit] = /^(\d{1,6})(s|m|h|d)$/.exec(given) ?? []
  if (number === undefined) return new Problem('is not an age: write it as 10m, 26h or 7d')
  const ms = Number(number) * (unit === 'd' ? DAY_MS : (DURATION_UNITS.get(unit) ?? 0))
  return ms > 0 ? ms : new Problem('is no time at all')
})
