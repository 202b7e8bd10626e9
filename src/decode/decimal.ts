import { bufferOver } from './bytes.js'

/** The double nearest to the JSON number bytes[start, end); ±Infinity where it is beyond the doubles. */
export function nearestToText(bytes: Uint8Array, start: number, end: number): number {
  return Number(bufferOver(bytes, start, end).toString('latin1'))
}
