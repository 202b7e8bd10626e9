/** @import { Readable } from 'node:stream' */
/** @import { UsageRecord } from '../../src/bench/generator/index.js' */
import { parser } from 'stream-json/jsonl/parser.js'

const LF = 10

/**
 * The records of a WAL file by JSON.parse.
 * @param {Buffer} bytes
 * @returns {Generator<UsageRecord>}
 */
export function* byJsonParse(bytes) {
  let start = 0
  // A string for each line, not one for the file: a single character beyond Latin-1 would make all of it two bytes wide.
  for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, start)) {
    if (end > start) yield JSON.parse(bytes.toString('utf8', start, end))
    start = end + 1
  }
}

/**
 * The same by stream-json's JSONL parser.
 * @param {Readable} source
 * @returns {AsyncGenerator<UsageRecord>}
 */
export async function* byStreamJson(source) {
  const items = parser.asStream()
  source.once('error', (error) => items.destroy(error))
  for await (const { value } of source.pipe(items)) yield value
}
