import { createClient } from 'redis'
import { serverFailure } from './failure.js'
import { type RedisServer, trustedCas } from './server.js'

const CONNECT_WITHIN_MS = 10_000
const ANSWER_WITHIN_MS = 60_000

/** A connection that answers or throws, within a minute. */
export interface RedisConnection {
  /** Sends one command. Throws `target_unreachable`, `access_denied`, `target_failed`. */
  send(args: readonly string[]): Promise<unknown>
  close(): void
}

/** @throws LedgerError `target_unreachable`, `access_denied`, `config` */
export async function connect(server: RedisServer): Promise<RedisConnection> {
  const { host, port, user, password, tls } = server
  const ca = trustedCas(server)
  return open(server, {
    ...(user === '' ? {} : { username: user }),
    ...(password === '' ? {} : { password }),
    socket: tls ? { host, port, tls, servername: host, ...(ca === undefined ? {} : { ca }) } : { host, port },
  })
}

/** A server of ours that listens on a socket file only. */
export const connectToSocket = (path: string, server: RedisServer): Promise<RedisConnection> =>
  open(server, { socket: { path } })

type How = Parameters<typeof createClient>[0] & { socket: object }

async function open(server: RedisServer, how: How): Promise<RedisConnection> {
  const client = createClient({
    ...how,
    // What every server since Redis 2 understands, and no user needs a right for.
    RESP: 2,
    disableClientInfo: true,
    socket: { ...how.socket, connectTimeout: CONNECT_WITHIN_MS, reconnectStrategy: false },
  })
  // What it tells here is thrown by the next command too; without a listener it would end the process.
  client.on('error', () => {})
  const close = () => {
    if (client.isOpen) client.destroy()
  }
  try {
    await within(client.connect(), CONNECT_WITHIN_MS)
  } catch (error) {
    close()
    throw serverFailure(error, server)
  }
  return {
    send: async (args) => {
      try {
        return await within(client.sendCommand([...args]), ANSWER_WITHIN_MS)
      } catch (error) {
        throw serverFailure(error, server)
      }
    },
    close,
  }
}

/** The client waits for an answer for ever. */
async function within<T>(answer: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`ETIMEDOUT: no answer within ${ms / 1000} s`)), ms)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
