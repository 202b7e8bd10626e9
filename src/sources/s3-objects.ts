import type { _Object } from '@aws-sdk/client-s3'
import { LedgerError } from '../domain/errors.js'
import type { S3Options } from '../domain/options.js'
import type { S3Object } from '../domain/wal.js'
import { ask } from './s3-client.js'
import { storeError } from './s3-errors.js'

/**
 * All objects whose keys begin with a prefix, in the store's order, page by page. Throws `source_not_found`,
 * `access_denied`, `source_unreachable`, and `source_failed` where a listing cannot be whole.
 */
export async function* objectsUnder(
  store: S3Options,
  bucket: string,
  prefix: string,
  signal?: AbortSignal,
): AsyncIterable<S3Object> {
  const seen = new Set<string>()
  for (let token: string | undefined; ; ) {
    const page = await pageOf(store, bucket, { Prefix: prefix, ContinuationToken: token }, signal)
    const decode = page.EncodingType === 'url' ? decodeKey : (key: string) => key
    for (const object of page.Contents ?? []) {
      const found = objectOf(object, store, bucket, decode)
      if (!found.key.startsWith(prefix)) throw broken('it holds keys that nobody asked for', bucket, prefix)
      yield found
    }
    if (page.IsTruncated !== true) return
    token = page.NextContinuationToken
    if (token === undefined) throw broken('it ends in the middle', bucket, prefix)
    if (seen.has(token)) throw broken('it goes round in circles', bucket, prefix)
    seen.add(token)
  }
}

/** The object of just this key, or null. */
export async function objectAt(
  store: S3Options,
  bucket: string,
  key: string,
  signal?: AbortSignal,
): Promise<S3Object | null> {
  // It comes before all longer keys.
  const page = await pageOf(store, bucket, { Prefix: key, MaxKeys: 1 }, signal)
  const decode = page.EncodingType === 'url' ? decodeKey : (text: string) => text
  const [first] = page.Contents ?? []
  const found = first === undefined ? null : objectOf(first, store, bucket, decode)
  return found?.key === key ? found : null
}

async function pageOf(
  store: S3Options,
  bucket: string,
  input: { Prefix: string; ContinuationToken?: string | undefined; MaxKeys?: number },
  signal?: AbortSignal,
) {
  try {
    return await ask(
      store,
      (client, sdk) =>
        // XML cannot hold every character that a key may.
        client.send(
          new sdk.ListObjectsV2Command({ Bucket: bucket, EncodingType: 'url', ...input }),
          signal === undefined ? {} : { abortSignal: signal },
        ),
      signal,
    )
  } catch (error) {
    signal?.throwIfAborted()
    throw storeError(error, `s3://${bucket}/${input.Prefix}`)
  }
}

function objectOf(
  { Key, ETag, Size, LastModified }: _Object,
  store: S3Options,
  bucket: string,
  decode: (key: string) => string,
) {
  if (Key === undefined || ETag === undefined || Size === undefined)
    throw broken('it lacks keys, sizes or ETags', bucket, '')
  const modifiedMs = LastModified?.getTime() ?? 0
  return { via: 's3', store, bucket, key: decode(Key), etag: ETag, bytes: Size, modifiedMs } satisfies S3Object
}

/** Stores write a space as `+`, and a plus as `%2B`. */
function decodeKey(encoded: string): string {
  return decodeURIComponent(encoded.replaceAll('+', ' '))
}

function broken(what: string, bucket: string, prefix: string): LedgerError {
  return new LedgerError('source_failed', `the listing of the store is not whole: ${what}`, {
    place: `s3://${bucket}/${prefix}`,
    hint: 'copy the objects into a folder with a program of the store, and name that folder',
  })
}
