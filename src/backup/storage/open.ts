import { directoryStorage } from './directory.js'
import type { Storage } from './storage.js'

export const isS3 = (place: string): boolean => place.startsWith('s3://')

/** The storage that an option names. */
export function openStorage(place: string): Storage {
  return directoryStorage(place)
}
