import { LedgerError } from '../../domain/errors.js'

/**
 * Host and port of a store, as tools want them that speak TLS only.
 *
 * @param endpoint URL without credentials; undefined for AWS
 * @returns `port` is '' for the usual one
 * @throws LedgerError `usage` for an http URL
 */
export function s3Address(endpoint: string | undefined, region: string): { host: string; port: string } {
  if (endpoint === undefined) return { host: `s3.${region}.amazonaws.com`, port: '' }
  const { protocol, hostname, port } = new URL(endpoint)
  if (protocol !== 'https:')
    throw new LedgerError('usage', 'pgBackRest talks to a store over TLS only', {
      place: endpoint,
      hint: 'give the https URL of the store with --s3-endpoint',
    })
  return { host: hostname, port }
}
