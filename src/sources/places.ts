import type { Stored } from '../domain/wal.js'
import { localPlace } from './local-place.js'
import type { Place } from './source.js'

/** Every kind of place, by the name that stored files carry. */
const PLACES: { readonly [Via in Stored['via']]: Place<Extract<Stored, { via: Via }>> } = { file: localPlace }

/** The place that a source argument names. */
export function placeOf(_argument: string): Pick<Place, 'list'> {
  return PLACES.file
}

/** The bytes of a stored file from an offset on, as its place opens it. */
export function openStored(stored: Stored, offset: number, buffer?: Buffer<ArrayBuffer>): AsyncIterable<Uint8Array> {
  return PLACES[stored.via].open(stored, offset, buffer)
}
