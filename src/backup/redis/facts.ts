import { LedgerError } from '../../domain/errors.js'
import { printable } from '../../domain/printable.js'
import type { RedisConnection } from './client.js'

/** What a server tells of itself, `name` to value, from all sections of INFO. */
export type Info = ReadonlyMap<string, string>

export async function readInfo(connection: RedisConnection): Promise<Info> {
  const text = String(await connection.send(['INFO', 'all']))
  return new Map(
    text.split(/\r?\n/).flatMap((line) => {
      const colon = line.indexOf(':')
      return colon <= 0 || line.startsWith('#') ? [] : [[line.slice(0, colon), line.slice(colon + 1)] as const]
    }),
  )
}

/** Keys of each database that has any, by its number. */
export function keysOf(info: Info): ReadonlyMap<number, number> {
  const found = [...info].flatMap(([name, value]) => {
    const db = /^db(\d+)$/.exec(name)
    const keys = /^keys=(\d+)/.exec(value)
    return db === null || keys === null ? [] : [[Number(db[1]), Number(keys[1])] as const]
  })
  return new Map(found)
}

export const versionOf = (info: Info): string => printable(info.get('redis_version') ?? 'unknown')

/** Settings by their name, or why the server does not tell: many that are run by a provider have no CONFIG. */
export type Config =
  | { readonly told: true; readonly values: ReadonlyMap<string, string> }
  | { readonly told: false; readonly why: string }

export async function readConfig(connection: RedisConnection, names: readonly string[]): Promise<Config> {
  const values = new Map<string, string>()
  for (const name of names) {
    try {
      const [, value] = (await connection.send(['CONFIG', 'GET', name])) as (string | undefined)[]
      if (value !== undefined) values.set(name, value)
    } catch (error) {
      // An unknown command, or one that this user may not use.
      if (error instanceof LedgerError && ['target_failed', 'access_denied'].includes(error.code))
        return { told: false, why: error.message.replace(/^Redis [^:]*: /, '') }
      throw error
    }
  }
  return { told: true, values }
}
