import { resolve } from 'node:path'
import { LedgerError } from '../domain/errors.js'
import { printable } from '../domain/printable.js'
import { isS3Url } from '../s3/url.js'
import { isLocal } from '../sources/index.js'

/** Throws `usage` where a bundle would lie within a source, and be read as a part of it the next time. */
export function assertOutside(place: string, sources: readonly string[]): void {
  for (const source of sources) {
    // A folder, a bucket and a pod have no names in common.
    if (!isLocal(source) && !isS3Url(source)) continue
    const folder = isS3Url(source) ? source.replace(/^s3/i, 's3').replace(/\/+$/, '') : resolve(source)
    if (`${place}/`.startsWith(folder === '/' ? folder : `${folder}/`))
      throw new LedgerError('usage', 'the bundle would lie within a source, and be read as one the next time', {
        place: printable(place),
        hint: 'name a folder or prefix with --to that stands beside the sources',
      })
  }
}
