/** ASCII bytes that the decoders look for. */
export const NUL = 0x00
export const TAB = 0x09
export const LF = 0x0a
const FORM_FEED = 0x0c
export const CR = 0x0d
export const SPACE = 0x20
export const QUOTE = 0x22
export const PLUS = 0x2b
export const COMMA = 0x2c
export const MINUS = 0x2d
export const DOT = 0x2e
export const ZERO = 0x30
export const NINE = 0x39
export const COLON = 0x3a
export const OPEN_BRACKET = 0x5b
export const BACKSLASH = 0x5c
export const CLOSE_BRACKET = 0x5d
export const OPEN_BRACE = 0x7b
export const CLOSE_BRACE = 0x7d

/** True where bytes[start, end) is white space as obleth takes a line for blank: Rust's `is_ascii_whitespace`. */
export function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const b = bytes[i]
    if (b !== SPACE && b !== CR && b !== TAB && b !== LF && b !== FORM_FEED) return false
  }
  return true
}

/** Position of the first such byte in bytes[start, end), or -1. Looks no further, however much stands behind the end. */
export function indexOfByte(bytes: Uint8Array, byte: number, start: number, end: number): number {
  const at = bytes.subarray(start, end).indexOf(byte)
  return at === -1 ? -1 : start + at
}

/** The same memory as a Buffer, for its encodings. */
export function bufferOver(bytes: Uint8Array, start = 0, end = bytes.length): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)
}
