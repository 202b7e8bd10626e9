import type { ListObjectsV2CommandOutput } from '@aws-sdk/client-s3'
import { LedgerError } from '../domain/errors.js'
import type { S3Options } from '../domain/options.js'
import { printable } from '../domain/printable.js'
import type { S3Object } from '../domain/wal.js'
import { ask } from './client.js'
import { storeError } from './errors.js'

/** In a row: a store may answer with a few while it passes over what was deleted. */
const MOST_EMPTY_PAGES = 1000

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
  const meet = (what: string) => {
    if (seen.has(what)) throw broken('it goes round in circles', bucket, prefix)
    seen.add(what)
  }
  let empty = 0
  for (let token: string | undefined; ; ) {
    const page = await pageOf(store, bucket, { Prefix: prefix, ContinuationToken: token }, signal)
    const objects = objectsOf(page, store, bucket, prefix)
    for (const object of objects)
      if (!object.key.startsWith(prefix)) throw broken('it holds keys that nobody asked for', bucket, prefix)
    // A store that does not understand its own tokens begins anew, under new tokens for ever.
    if (objects.length > 0) meet(`key ${objects[0].key}`)
    yield* objects
    if (page.IsTruncated !== true) return
    token = page.NextContinuationToken
    if (!token) throw broken('it ends in the middle', bucket, prefix)
    meet(`token ${token}`)
    empty = objects.length === 0 ? empty + 1 : 0
    if (empty > MOST_EMPTY_PAGES) throw broken('it goes on and on without a key', bucket, prefix)
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
  const [first] = objectsOf(page, store, bucket, key)
  return first?.key === key ? first : null
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

function objectsOf(page: ListObjectsV2CommandOutput, store: S3Options, bucket: string, prefix: string): S3Object[] {
  return (page.Contents ?? []).map(({ Key, ETag, Size, LastModified }) => {
    if (Key === undefined || ETag === undefined || Size === undefined || !Number.isSafeInteger(Size) || Size < 0)
      throw broken('it lacks keys, sizes or ETags', bucket, prefix)
    const key = page.EncodingType === 'url' ? decodeKey(Key) : Key
    if (key === null) throw broken('it holds a key that is not UTF-8', bucket, prefix)
    const modifiedMs = LastModified?.getTime() ?? 0
    return { via: 's3', store, bucket, key, etag: ETag, bytes: Size, modifiedMs } satisfies S3Object
  })
}

/** Stores write a space as `+`, and a plus as `%2B`. Null where that gives no text. */
function decodeKey(encoded: string): string | null {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '))
  } catch {
    return null
  }
}

function broken(what: string, bucket: string, prefix: string): LedgerError {
  return new LedgerError('source_failed', `the listing of the store is not whole: ${what}`, {
    place: printable(`s3://${bucket}/${prefix}`),
    hint: 'copy the objects into a folder with a program of the store, and name that folder',
  })
}
