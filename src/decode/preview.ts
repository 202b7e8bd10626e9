import { printable } from '../domain/printable.js'
import { bufferOver } from './bytes.js'

const SHOWN = 60

/** The beginning of bytes[start, end) for a message, safe to print. */
export function preview(bytes: Uint8Array, start: number, end: number): string {
  const text = printable(bufferOver(bytes, start, Math.min(end, start + SHOWN)).toString('utf8'))
  return end - start > SHOWN ? `${text}…` : text
}
