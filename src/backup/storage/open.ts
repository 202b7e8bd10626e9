import { directoryStorage } from './directory.js'
import type { Storage } from './storage.js'

/** The storage that an option names. */
export function openStorage(place: string): Storage {
  return directoryStorage(place)
}
