import { Readable } from 'node:stream'
import type { CompleteMultipartUploadCommandOutput, PutObjectCommandInput } from '@aws-sdk/client-s3'
import type { S3Options } from '../domain/options.js'
import { ask, asking } from './client.js'
import { isMissing, isUnknownToStore } from './errors.js'
import { targetError } from './target-error.js'

/** The least that the protocol allows for a part that is not the last, bytes, and the most parts of one object. */
const PART_BYTES = 5 << 20
const MOST_PARTS = 10_000
/** Parts of all uploads that are under way: they are what an upload holds in memory. */
const PARTS_AT_ONCE = 16

/**
 * Sends a content in one request, or in parts where it has more than one. An upload that fails is aborted. Throws what
 * the SDK throws, or what reading the content throws.
 * @param atOnce how many uploads are under way
 */
export async function uploadFile(
  s3: S3Options,
  input: Omit<PutObjectCommandInput, 'Body'>,
  content: AsyncIterable<Uint8Array>,
  bytes: number,
  atOnce: number,
  signal: AbortSignal,
): Promise<CompleteMultipartUploadCommandOutput> {
  const client = await asking(s3, signal)
  const { Upload } = await import('@aws-sdk/lib-storage')
  const upload = new Upload({
    client,
    params: { ...input, Body: Readable.from(content, { objectMode: false }) },
    partSize: Math.max(PART_BYTES, Math.ceil(bytes / MOST_PARTS)),
    queueSize: Math.max(1, Math.floor(PARTS_AT_ONCE / atOnce)),
  })
  return (await upload.done()) as CompleteMultipartUploadCommandOutput
}

/**
 * Aborts the uploads below a prefix that were begun and not ended: nobody sees them, and they are paid for. False where the
 * store does not know such a listing, or does not allow it.
 */
export async function abortUploads(
  s3: S3Options,
  bucket: string,
  prefix: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    for (;;) {
      const found = await ask(
        s3,
        (client, sdk) =>
          client.send(new sdk.ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }), { abortSignal: signal }),
        signal,
      )
      for (const { Key, UploadId } of found.Uploads ?? []) {
        const abort = { Bucket: bucket, Key, UploadId }
        await ask(s3, (client, sdk) => client.send(new sdk.AbortMultipartUploadCommand(abort)), signal).catch(
          (error) => {
            if (!isMissing(error)) throw error
          },
        )
      }
      // What was aborted is not listed again.
      if (found.IsTruncated !== true) return true
    }
  } catch (error) {
    const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode
    if (status === 403 || isUnknownToStore(error)) return false
    throw targetError(error, `s3://${bucket}/${prefix}`)
  }
}
