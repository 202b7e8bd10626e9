import { bufferOver, MINUS } from './bytes.js'

/** Byte that two hex digits (as one big-endian 16-bit number) stand for; -1 where they are no hex digits. */
const HEX_PAIR = new Int16Array(1 << 16).fill(-1)
for (let byte = 0; byte < 256; byte++) {
  const lower = byte.toString(16).padStart(2, '0')
  for (const high of [lower[0], lower[0].toUpperCase()])
    for (const low of [lower[1], lower[1].toUpperCase()]) HEX_PAIR[(high.charCodeAt(0) << 8) | low.charCodeAt(0)] = byte
}

/** Length of a hyphenated UUID. */
const UUID_LENGTH = 36

/**
 * Reads the hyphenated UUID at view[p, p + 36), which must lie within the view, into four words from `at` on, in the
 * arena's layout. False (the words then hold rubbish) where it is none.
 */
function readHyphenated(view: DataView, p: number, into: Uint32Array, at: number): boolean {
  if (view.getUint8(p + 8) !== MINUS || view.getUint8(p + 13) !== MINUS) return false
  if (view.getUint8(p + 18) !== MINUS || view.getUint8(p + 23) !== MINUS) return false
  const b0 = HEX_PAIR[view.getUint16(p)]
  const b1 = HEX_PAIR[view.getUint16(p + 2)]
  const b2 = HEX_PAIR[view.getUint16(p + 4)]
  const b3 = HEX_PAIR[view.getUint16(p + 6)]
  const b4 = HEX_PAIR[view.getUint16(p + 9)]
  const b5 = HEX_PAIR[view.getUint16(p + 11)]
  const b6 = HEX_PAIR[view.getUint16(p + 14)]
  const b7 = HEX_PAIR[view.getUint16(p + 16)]
  const b8 = HEX_PAIR[view.getUint16(p + 19)]
  const b9 = HEX_PAIR[view.getUint16(p + 21)]
  const b10 = HEX_PAIR[view.getUint16(p + 24)]
  const b11 = HEX_PAIR[view.getUint16(p + 26)]
  const b12 = HEX_PAIR[view.getUint16(p + 28)]
  const b13 = HEX_PAIR[view.getUint16(p + 30)]
  const b14 = HEX_PAIR[view.getUint16(p + 32)]
  const b15 = HEX_PAIR[view.getUint16(p + 34)]
  into[at] = (b4 << 24) | (b5 << 16) | (b6 << 8) | b7
  into[at + 1] = (b0 << 24) | (b1 << 16) | (b2 << 8) | b3
  into[at + 2] = (b12 << 24) | (b13 << 16) | (b14 << 8) | b15
  into[at + 3] = (b8 << 24) | (b9 << 16) | (b10 << 8) | b11
  return (b0 | b1 | b2 | b3 | b4 | b5 | b6 | b7 | b8 | b9 | b10 | b11 | b12 | b13 | b14 | b15) >= 0
}

/** Of a URN. */
const LONGEST_SPELLING = 45

const SPELLINGS: readonly { readonly pattern: RegExp; readonly skip: number }[] = [
  { pattern: /^\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}$/i, skip: 1 },
  { pattern: /^urn:uuid:[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/, skip: 9 },
]

/**
 * Reads the UUID bytes[start, end) into four words from `at` on, in any spelling that Rust's uuid crate takes (1.x:
 * `try_parse`). False (the words then hold rubbish) where it is none.
 */
export function readAnySpelling(bytes: Uint8Array, start: number, end: number, into: Uint32Array, at: number): boolean {
  if (end - start === UUID_LENGTH)
    return readHyphenated(new DataView(bytes.buffer, bytes.byteOffset + start, UUID_LENGTH), 0, into, at)
  if (end - start > LONGEST_SPELLING) return false
  const text = hyphenated(bufferOver(bytes, start, end).toString('latin1'))
  if (text === null) return false
  const plain = Buffer.from(text, 'latin1')
  return readHyphenated(new DataView(plain.buffer, plain.byteOffset, UUID_LENGTH), 0, into, at)
}

function hyphenated(text: string): string | null {
  if (/^[0-9a-f]{32}$/i.test(text)) return text.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  const spelling = SPELLINGS.find(({ pattern }) => pattern.test(text))
  return spelling === undefined ? null : text.slice(spelling.skip, spelling.skip + UUID_LENGTH)
}
