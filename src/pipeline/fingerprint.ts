import { createHash } from 'node:crypto'
import type { InputOptions } from '../domain/options.js'
import type { WalFile } from '../domain/wal.js'
import { isS3Url } from '../s3/url.js'
import { absoluteSource } from '../sources/index.js'

/** What names the sources of a run, whatever they hold, from wherever it is started. */
export function sourcesBinding({ sources, s3 }: Pick<InputOptions, 'sources' | 's3'>): unknown[] {
  return sources.map((source) => (isS3Url(source) ? [source, s3.endpoint ?? null] : absoluteSource(source)))
}

/** Stands for the files as they were found: names, sizes, versions, checkpoints. Contents are not read. */
export function fingerprintOf(files: readonly WalFile[]): string {
  const hash = createHash('sha256')
  for (const { pod, path, bytes, checkpoint, version } of files)
    hash.update(JSON.stringify([pod, path, bytes, checkpoint, version]))
  return hash.digest('hex')
}
