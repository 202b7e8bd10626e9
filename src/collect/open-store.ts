import { createHash } from 'node:crypto'
import { join, resolve } from 'node:path'
import type { CollectOptions } from '../domain/options.js'
import { Pace } from '../domain/pace.js'
import { S3Files } from '../s3/files.js'
import { isS3Url } from '../s3/url.js'
import { FolderStore } from './folder-store.js'
import { S3Store } from './s3-store.js'
import type { BundleStore } from './store.js'

export type StoreOptions = Pick<CollectOptions, 's3' | 'stateDir' | 'concurrency' | 'bytesPerSecond'>

/** Where the bundle is kept that a path or `s3://bucket/prefix` names. Throws `usage` for a URL without bucket. */
export function openStore(to: string, options: StoreOptions, signal: AbortSignal): BundleStore {
  if (!isS3Url(to)) return new FolderStore(to)
  const { s3, stateDir, bytesPerSecond, concurrency } = options
  const name = createHash('sha256')
    .update(JSON.stringify([s3.endpoint, to]))
    .digest('hex')
    .slice(0, 16)
  const files = new S3Files(to, s3, new Pace(bytesPerSecond, signal), concurrency, signal)
  return new S3Store(files, join(resolve(stateDir), `collect-${name}`))
}
