import { createReadStream } from 'node:fs'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream'
import ignore from 'stream-json/filters/ignore.js'
import pick from 'stream-json/filters/pick.js'
import streamArray from 'stream-json/streamers/stream-array.js'
import streamValues from 'stream-json/streamers/stream-values.js'
import { LedgerError } from '../domain/errors.js'

/**
 * The elements of one array of a JSON document, one at a time: the document may be larger than memory.
 *
 * @param place path of the array: names joined by dots
 * @throws LedgerError `source_not_found`, `access_denied`, or `usage` where the file is no JSON
 */
export async function* jsonItems(file: string, place: string): AsyncIterable<unknown> {
  yield* values(file, pick.withParserAsStream({ filter: place, once: true }), streamArray.asStream())
}

/** The document without what stands at `left`, its large part; undefined where the file is empty. Throws as {@link jsonItems}. */
export async function jsonHead(file: string, left: string): Promise<unknown> {
  const filter = new RegExp(`^(?:${left.replaceAll('.', '\\.')})(?:\\.|$)`)
  for await (const value of values(file, ignore.withParserAsStream({ filter }), streamValues.asStream())) return value
  return undefined
}

async function* values(file: string, filter: Duplex, streamer: Duplex): AsyncIterable<unknown> {
  // An error of any part destroys the last one, whose reader gets it.
  pipeline(createReadStream(file), filter, streamer, () => {})
  try {
    for await (const { value } of streamer) yield value
  } catch (error) {
    throw readError(error, file)
  }
}

function readError(error: unknown, file: string): LedgerError {
  const code = (error as NodeJS.ErrnoException).code
  if (error instanceof LedgerError) return error
  if (code === 'ENOENT') return new LedgerError('source_not_found', 'the file does not exist', { place: file })
  if (code === 'EACCES') return new LedgerError('access_denied', 'the file may not be read', { place: file })
  return new LedgerError('usage', 'the file cannot be read as JSON', { place: file, cause: error })
}
