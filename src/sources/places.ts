import { resolve } from 'node:path'
import type { Stored } from '../domain/wal.js'
import { localPlace } from './local-place.js'
import { s3Place } from './s3-place.js'
import { isS3Url } from './s3-url.js'
import type { Place } from './source.js'

/** Every kind of place, by the name that stored files carry. */
const PLACES = { file: localPlace, s3: s3Place }

/** The place that a source argument names. */
export function placeOf(argument: string): Pick<Place, 'list'> {
  return isS3Url(argument) ? PLACES.s3 : PLACES.file
}

/** A source argument so that it means the same in every working directory. */
export function absoluteSource(argument: string): string {
  return isS3Url(argument) ? argument : resolve(argument)
}

/** How many files of the same place are worth opening before this one has been read. */
export const openedAhead = ({ via }: Stored): number => PLACES[via].openedAhead

/** The bytes of a stored file from an offset on, as its place opens it. */
export function openStored(stored: Stored, offset: number, buffer?: Buffer<ArrayBuffer>): AsyncIterable<Uint8Array> {
  return stored.via === 's3' ? PLACES.s3.open(stored, offset) : PLACES.file.open(stored, offset, buffer)
}
