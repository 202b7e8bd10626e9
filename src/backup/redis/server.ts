import { readFileSync } from 'node:fs'
import { LedgerError } from '../../domain/errors.js'
import { printable } from '../../domain/printable.js'
import type { RedisOptions } from '../../domain/redis.js'

const DEFAULT_PORT = 6379

/** A server's address and credentials, taken apart once for the client and for redis-cli, which must mean the same. */
export interface RedisServer {
  readonly host: string
  readonly port: number
  /** '' for the default user. */
  readonly user: string
  /** '' for none. */
  readonly password: string
  readonly tls: boolean
  readonly caFile: string | undefined
  /** For people: `redis://host:port`. */
  readonly place: string
}

/** @throws LedgerError `config` where no URL is named, or it cannot be understood */
export function redisServer({ url, caFile }: RedisOptions): RedisServer {
  if (url === undefined)
    throw new LedgerError('config', 'no Redis is named', {
      hint: "set OBLETH_LEDGER_REDIS_URL, or obleth's own OBLETH_REDIS_URL, to redis://user:password@host:6379/0",
    })
  const parsed = new URL(url.reveal())
  if (parsed.hostname === '' || parsed.search !== '' || parsed.hash !== '') throw unclear()
  const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1')
  const port = parsed.port === '' ? DEFAULT_PORT : Number(parsed.port)
  return {
    host,
    port,
    user: decoded(parsed.username),
    password: decoded(parsed.password),
    tls: parsed.protocol === 'rediss:',
    caFile,
    place: printable(`${parsed.protocol}//${parsed.hostname}:${port}`),
  }
}

/** Arguments of redis-cli that reach the server, and the environment with what others must not see. */
export function cliAccess({ host, port, user, password, tls, caFile }: RedisServer): {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
} {
  return {
    args: [
      ...['-h', host, '-p', String(port)],
      ...(user === '' || user === 'default' ? [] : ['--user', user]),
      ...(tls ? ['--tls', '--sni', host] : []),
      ...(tls && caFile !== undefined ? ['--cacert', caFile] : []),
    ],
    // Without a password, none of somebody else's either.
    env: { REDISCLI_AUTH: password === '' ? undefined : password },
  }
}

/** PEM text of the CAs to trust. Throws `config` where the file cannot be read. */
export function trustedCas({ caFile }: RedisServer): string | undefined {
  if (caFile === undefined) return undefined
  try {
    return readFileSync(caFile, 'latin1')
  } catch (cause) {
    throw new LedgerError('config', 'the file with the CAs cannot be read', {
      place: printable(caFile),
      hint: 'name a readable PEM file with --redis-ca-file',
      cause,
    })
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw unclear()
  }
}

function unclear(): LedgerError {
  return new LedgerError('config', 'the URL of the Redis cannot be understood', {
    hint: 'write it as redis://user:password@host:6379/0 or rediss://…, without query; in user and password, %40 stands for @ and %25 for %',
  })
}
