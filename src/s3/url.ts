import { LedgerError } from '../domain/errors.js'

/** Whether a source argument names a bucket. */
export const isS3Url = (argument: string): boolean => /^s3:\/\//i.test(argument)

/**
 * Bucket and prefix of `s3://bucket/prefix`. All behind the slash is taken as it stands, since a key may hold any character.
 * Throws `usage` where there is no bucket; it never repeats the text, which may hold a password.
 */
export function parseS3Url(argument: string): { bucket: string; prefix: string } {
  const match = /^s3:\/\/([a-z0-9][a-z0-9._-]{1,254})(?:\/(.*))?$/is.exec(argument)
  if (match === null)
    throw new LedgerError('usage', 'a source that begins with s3:// names no bucket', {
      hint: 'write it as s3://bucket/prefix; credentials come from the AWS variables and files, never from the URL',
    })
  return { bucket: match[1], prefix: match[2] ?? '' }
}
