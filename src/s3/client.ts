import type { S3Client } from '@aws-sdk/client-s3'
import pRetry from 'p-retry'
import type { S3Options } from '../domain/options.js'
import { hasExpired, isTransient, isUnconnected } from './errors.js'

export type Sdk = typeof import('@aws-sdk/client-s3')

interface Connection {
  readonly sdk: Sdk
  readonly client: S3Client
}

/** Sockets of one thread: no more requests than that are under way. */
const MOST_SOCKETS = 16
/** About a minute, with jitter between attempts: throttled stores ask for that much patience. */
const RETRIES = { retries: 9, minTimeout: 100, maxTimeout: 15_000, factor: 2, randomize: true }
/** Where nobody answers, or credentials have run out. */
const MOST_ATTEMPTS_IN_VAIN = 3
const US_EAST = 'us-east-1'
/** For giving back the parts of an upload that was stopped, ms. */
const CLEARING_MS = 15_000

/** A connection of this thread for each store. */
const connections = new Map<string, Promise<Connection>>()

/**
 * Sends a request, and again while that may help: throttling, errors of the store, cut connections and silence.
 * @param send the request, and whatever of its answer has to be read for it to have succeeded
 */
export async function ask<T>(
  options: S3Options,
  send: (client: S3Client, sdk: Sdk) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  return pRetry(
    async () => {
      const { client, sdk } = await connection(options)
      return send(client, sdk)
    },
    {
      ...RETRIES,
      ...(signal === undefined ? {} : { signal }),
      shouldRetry: ({ error, attemptNumber }) => {
        // A new client asks the chain for credentials again.
        if (hasExpired(error)) connections.delete(JSON.stringify(options))
        const inVain = hasExpired(error) || isUnconnected(error)
        return isTransient(error) && !(inVain && attemptNumber >= MOST_ATTEMPTS_IN_VAIN)
      },
    },
  )
}

/**
 * A client whose every command is sent by `ask`, for a library that sends them by itself.
 * @param signal ends it; what gives back parts of an upload has a little longer
 */
export async function asking(options: S3Options, signal: AbortSignal): Promise<S3Client> {
  const { client, sdk } = await connection(options)
  const send = (command: InstanceType<Sdk['UploadPartCommand']>) => {
    const Command = command.constructor as Sdk['UploadPartCommand']
    const until = command instanceof sdk.AbortMultipartUploadCommand ? AbortSignal.timeout(CLEARING_MS) : signal
    // A command is good for one attempt.
    return ask(options, (client) => client.send(new Command(command.input), { abortSignal: until }), until)
  }
  return Object.assign(Object.create(client), { send })
}

function connection(options: S3Options): Promise<Connection> {
  const key = JSON.stringify(options)
  const known = connections.get(key)
  if (known !== undefined) return known
  const made = connect(options)
  connections.set(key, made)
  return made
}

/** Loads the SDK, a fifth of a second's work, only where a bucket is named. */
async function connect({ endpoint, pathStyle, timeoutMs, checksums }: S3Options): Promise<Connection> {
  // It would tell every user of the tool which Node its authors wish for.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
  const sdk = await import('@aws-sdk/client-s3')
  const agent = { maxSockets: MOST_SOCKETS }
  const silent = () => {}
  const config = {
    ...(endpoint === undefined ? {} : { endpoint }),
    forcePathStyle: pathStyle,
    followRegionRedirects: true,
    // Retried here, where a cut body is retried too; bodies are checked over all their parts.
    maxAttempts: 1,
    responseChecksumValidation: 'WHEN_REQUIRED' as const,
    requestChecksumCalculation: checksums === 'required' ? ('WHEN_REQUIRED' as const) : ('WHEN_SUPPORTED' as const),
    requestHandler: {
      connectionTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      httpAgent: agent,
      httpsAgent: agent,
      logger: { trace: silent, debug: silent, info: silent, warn: silent, error: silent },
    },
  }
  const client = new sdk.S3Client(config)
  // A store that has no regions must not need one; AWS names the right one where this is wrong.
  const region = await client.config.region().catch(() => US_EAST)
  return { sdk, client: new sdk.S3Client({ ...config, region }) }
}
