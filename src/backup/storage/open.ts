import type { BackupsOptions } from '../../domain/backup.js'
import { isS3Url } from '../../s3/url.js'
import { directoryStorage } from './directory.js'
import { s3Storage } from './s3.js'
import type { Storage } from './storage.js'

export { isS3Url as isS3 }

/** The storage that an option names. Throws `usage` for a URL without bucket. */
export function openStorage({ place, s3 }: Pick<BackupsOptions, 'place' | 's3'>): Storage {
  return isS3Url(place) ? s3Storage(place, s3) : directoryStorage(place)
}
