import { type ErrorDetails, LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { ReadFailure } from '../domain/read-failure.js'

/** What the SDK throws, as far as it is looked at. Its message is not: a store may repeat in it what was sent. */
interface Thrown {
  readonly name?: string
  readonly code?: string
  readonly $metadata?: { readonly httpStatusCode?: number }
}

const BUSY =
  /^(SlowDown|(KMS\.)?Throttl|RequestLimitExceeded|BandwidthLimitExceeded|InternalError|ServiceUnavailable|RequestTimeout)/
const CUT = /^(ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|ERR_STREAM_PREMATURE_CLOSE)$/
const UNCONNECTED = /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/
const EXPIRED = /^(ExpiredToken|RequestExpired|TokenRefreshRequired)/
const CREDENTIALS =
  /^(CredentialsProvider|TokenProvider|InvalidAccessKeyId|InvalidToken|SignatureDoesNotMatch|RequestTimeTooSkewed)/

/** The store's key service, about the key. */
const KEY = /^KMS\./

const NOT_IMPLEMENTED = 501
const READING = 's3:ListBucket on the bucket and s3:GetObject on its objects'

/** Thrown where a body ended before its end; the request is sent again for the rest. */
export class CutBody extends Error {
  readonly code = 'ECONNRESET'
}

const statusOf = (error: unknown): number => (error as Thrown).$metadata?.httpStatusCode ?? 0
const nameOf = (error: unknown): string => (error as Thrown).name ?? ''
const codeOf = (error: unknown): string => (error as Thrown).code ?? ''

/** True where the credentials ran out meanwhile: newer ones may be had. */
export const hasExpired = (error: unknown): boolean => EXPIRED.test(nameOf(error))

/** True where nobody answers at all, which seldom changes within seconds. */
export const isUnconnected = (error: unknown): boolean => UNCONNECTED.test(codeOf(error))

/** True where a condition of the request does not hold, as it stands there or by another request at this moment. */
export const isConflict = (error: unknown): boolean => statusOf(error) === 412 || statusOf(error) === 409

/** True where there is no such object or upload. */
export const isMissing = (error: unknown): boolean => statusOf(error) === 404 && nameOf(error) !== 'NoSuchBucket'

/** True where the store does not know what was asked for. */
export const isUnknownToStore = (error: unknown): boolean => statusOf(error) === NOT_IMPLEMENTED

/** True where the same request may succeed when it is sent again. */
export function isTransient(error: unknown): boolean {
  const status = statusOf(error)
  if (
    (status >= 500 && status !== NOT_IMPLEMENTED) ||
    status === 429 ||
    status === 408 ||
    nameOf(error) === 'TimeoutError'
  )
    return true
  return BUSY.test(nameOf(error)) || CUT.test(codeOf(error)) || isUnconnected(error) || hasExpired(error)
}

/** An error of the store as such, in this tool's words. `rights`: what to allow where it refuses. */
export function storeError(error: unknown, place: string, rights = READING): LedgerError {
  const shown = printable((codeOf(error) || nameOf(error)).slice(0, 64)) || 'unknown'
  const details = (hint: string): ErrorDetails => ({ place: printable(place), hint, cause: error })
  if (nameOf(error) === 'NoSuchBucket')
    return new LedgerError('source_not_found', 'there is no such bucket', details('check its name and --s3-endpoint'))
  if (hasExpired(error) || CREDENTIALS.test(nameOf(error)))
    return new LedgerError(
      'access_denied',
      `the store does not take ${credentialsInUse()} (${shown})`,
      details(
        'renew them (aws sso login, or new keys) or name others with AWS_PROFILE, then run the same command again',
      ),
    )
  if (KEY.test(nameOf(error)) && !isTransient(error))
    return new LedgerError(
      'access_denied',
      `the store cannot use the key that encrypts (${shown})`,
      details(
        'check --s3-sse-key, that the key is enabled, and that kms:GenerateDataKey and kms:Decrypt are allowed on it',
      ),
    )
  if (statusOf(error) === 403 || statusOf(error) === 401)
    return new LedgerError(
      'access_denied',
      `the store refuses ${credentialsInUse()} (${shown})`,
      details(`allow ${rights}, or name others with AWS_PROFILE`),
    )
  if (isTransient(error))
    return new LedgerError('source_unreachable', `the store cannot be reached, or has too much to do (${shown})`, {
      ...details('check the network and --s3-endpoint, then run the same command again'),
      retryable: true,
    })
  return new LedgerError(
    'source_failed',
    `the store answers in a way that is not understood (${shown})`,
    details('check that --s3-endpoint speaks the S3 protocol, and whether it needs --s3-path-style'),
  )
}

/** Why the bytes of an object cannot be had: an error about this object alone is a ReadFailure. */
export function objectError(error: unknown, place: string): Error {
  const reason = (text: string) => new ReadFailure({ kind: 'unreadable', reason: text })
  if (error instanceof ReadFailure || (error as Thrown).name === 'AbortError') return error as Error
  const status = statusOf(error)
  if (status === 412 || status === 416) return reason('the object changed since it was listed')
  if (status === 404 && nameOf(error) !== 'NoSuchBucket') return reason('the object is gone since it was listed')
  const refused = status === 403 && !hasExpired(error) && !CREDENTIALS.test(nameOf(error))
  if (refused) return reason(`the store refuses it (${printable(nameOf(error).slice(0, 64))})`)
  return storeError(error, place)
}

/** Names where the credentials come from, never what they are. */
function credentialsInUse(): string {
  const { AWS_ACCESS_KEY_ID, AWS_PROFILE } = process.env
  if (AWS_PROFILE) return `the credentials of the profile ${printable(AWS_PROFILE)}`
  return AWS_ACCESS_KEY_ID
    ? 'the key in AWS_ACCESS_KEY_ID'
    : 'the credentials of the default profile or of this machine'
}
