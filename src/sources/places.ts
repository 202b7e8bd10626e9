import { resolve } from 'node:path'
import type { Stored } from '../domain/wal.js'
import { isS3Url } from '../s3/url.js'
import { localPlace } from './local-place.js'
import { podPlace } from './pod-place.js'
import { isPodUrl } from './pod-url.js'
import { s3Place } from './s3-place.js'
import type { Place } from './source.js'

/** Every kind of place, by the name that stored files carry. */
const PLACES = { file: localPlace, s3: s3Place, pod: podPlace }

/** The place that a source argument names. */
export function placeOf(argument: string): Pick<Place, 'list'> {
  if (isS3Url(argument)) return PLACES.s3
  return isPodUrl(argument) ? PLACES.pod : PLACES.file
}

/** Whether a source argument is a path or a pattern on this machine. */
export const isLocal = (argument: string): boolean => placeOf(argument) === PLACES.file

/** A source argument so that it means the same in every working directory. */
export function absoluteSource(argument: string): string {
  return isLocal(argument) ? resolve(argument) : argument
}

/** How many files of the same place are worth opening before this one has been read. */
export const openedAhead = ({ via }: Stored): number => PLACES[via].openedAhead

/** The bytes of a stored file from an offset on, as its place opens it. */
export function openStored(stored: Stored, offset: number, buffer?: Buffer<ArrayBuffer>): AsyncIterable<Uint8Array> {
  if (stored.via === 's3') return PLACES.s3.open(stored, offset)
  return stored.via === 'pod' ? PLACES.pod.open(stored, offset) : PLACES.file.open(stored, offset, buffer)
}

/** Where a stored file stands, for telling files apart: a byte per character. */
export function whereabouts(stored: Stored): string {
  if (stored.via === 's3') return `s3://${stored.bucket}/${stored.key}`
  const path = Buffer.from(stored.path).toString('latin1')
  return stored.via === 'pod' ? `${stored.shell.place}${path}` : path
}

/** Gives back what places keep open from one file to the next, as `Place.release`. */
export function releasePlaces(reason: unknown): void {
  for (const place of Object.values<Place>(PLACES)) place.release?.(reason)
}
