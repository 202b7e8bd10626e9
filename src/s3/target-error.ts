import { LedgerError } from '../domain/errors.js'
import { storeError } from './errors.js'

const RIGHTS =
  's3:ListBucket and s3:ListBucketMultipartUploads on the bucket and s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on its objects (with --s3-sse aws:kms also kms:GenerateDataKey and kms:Decrypt on the key)'

/** An error of a store that is written to, in this tool's words. */
export function targetError(error: unknown, place: string): Error {
  if (error instanceof LedgerError || (error as Error).name === 'AbortError') return error as Error
  const told = storeError(error, place, RIGHTS)
  if (told.code === 'source_unreachable')
    return new LedgerError('target_unreachable', told.message, {
      place,
      hint: 'check the network and --s3-endpoint, then run the same command again: what has been copied is not copied again',
      retryable: true,
      cause: error,
    })
  if (told.code !== 'source_failed') return told
  return new LedgerError('target_failed', told.message, {
    place,
    hint: 'check that --s3-endpoint speaks the S3 protocol, whether it needs --s3-path-style, where it does not know checksums of uploads, --s3-checksums required, and whether it knows the encryption of --s3-sse',
    cause: error,
  })
}
