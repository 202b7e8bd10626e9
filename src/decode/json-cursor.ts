import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  CR,
  DOT,
  LF,
  MINUS,
  NINE,
  OPEN_BRACE,
  OPEN_BRACKET,
  PLUS,
  QUOTE,
  SPACE,
  TAB,
  ZERO,
} from './bytes.js'
import type { TextScratch } from './text-scratch.js'

/** What serde_json makes of a string: text, text with an unpaired surrogate escape, or an error of syntax. */
export type StringOutcome = 'text' | 'lone_surrogate' | 'syntax'

const LITERALS = new Map(['true', 'false', 'null'].map((word) => [word.charCodeAt(0), Buffer.from(word)]))
/** What a one-letter escape stands for. */
const ESCAPES = new Map(
  ['""', '\\\\', '//', 'b\b', 'f\f', 'n\n', 'r\r', 't\t'].map((p) => [p.charCodeAt(0), p.charCodeAt(1)]),
)
const LETTER_U = 0x75
const LETTER_E = 0x65

/**
 * Reads JSON text byte by byte with serde_json's own idea of syntax (its `de.rs` and `read.rs`, 1.0): no leading zeros,
 * no raw control characters in strings, values of ignored fields nested to any depth, and inside those surrogate
 * escapes unchecked and numbers of any size. UTF-8 is not checked here; `nonAscii` says that it must be.
 *
 * Methods that return false have met a syntax error at `p`.
 */
export class JsonCursor {
  p = 0
  end = 0
  /** True once a byte above 0x7f was met in a string. */
  nonAscii = false
  /** The last string: its text is textBytes[textStart, textEnd). */
  textBytes: Uint8Array
  textStart = 0
  textEnd = 0
  /** The last number: bytes[numberStart, p); an integer where it has neither fraction nor exponent. */
  numberStart = 0
  integer = false

  private frames = new Uint8Array(64)

  constructor(
    public bytes: Uint8Array,
    private readonly scratch: TextScratch,
  ) {
    this.textBytes = bytes
  }

  attach(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes
    this.p = start
    this.end = end
    this.nonAscii = false
  }

  /** The byte at p, or -1 at the end. */
  peek(): number {
    return this.p < this.end ? this.bytes[this.p] : -1
  }

  /** Skips white space and returns the byte behind it, or -1. */
  next(): number {
    for (;;) {
      const b = this.peek()
      if (b !== SPACE && b !== LF && b !== TAB && b !== CR) return b
      this.p++
    }
  }

  /** Takes this byte, white space before it allowed. */
  take(byte: number): boolean {
    if (this.next() !== byte) return false
    this.p++
    return true
  }

  /** Reads the string whose opening quote stands at p. */
  string(): StringOutcome {
    const start = ++this.p
    for (;;) {
      const b = this.peek()
      if (b === QUOTE) {
        this.textBytes = this.bytes
        this.textStart = start
        this.textEnd = this.p++
        return 'text'
      }
      if (b === BACKSLASH) return this.escapedString(start)
      if (b < SPACE) return 'syntax'
      if (b > 0x7f) this.nonAscii = true
      this.p++
    }
  }

  /** The same from the first escape on: the text goes to the scratch memory. */
  private escapedString(start: number): StringOutcome {
    const { bytes, scratch } = this
    let outcome: StringOutcome = 'text'
    let plain = start
    const textStart = scratch.used
    for (;;) {
      const b = this.peek()
      if (b === QUOTE || b === BACKSLASH) {
        scratch.append(bytes, plain, this.p)
        this.p++
        if (b === QUOTE) break
        const code = this.escape()
        if (code === -1) return 'syntax'
        if (code >= 0xd800 && code < 0xe000) outcome = 'lone_surrogate'
        else scratch.appendCodePoint(code)
        plain = this.p
        continue
      }
      if (b < SPACE) return 'syntax'
      if (b > 0x7f) this.nonAscii = true
      this.p++
    }
    this.textBytes = scratch.bytes
    this.textStart = textStart
    this.textEnd = scratch.used
    return outcome
  }

  /** Code point of the escape behind a backslash, a surrogate where it has no partner, -1 where it is none. */
  private escape(): number {
    const letter = this.peek()
    this.p++
    if (letter !== LETTER_U) return ESCAPES.get(letter) ?? -1
    const first = this.hex4()
    if (first < 0xd800 || first >= 0xdc00) return first
    if (this.peek() !== BACKSLASH || this.p + 1 >= this.end || this.bytes[this.p + 1] !== LETTER_U) return first
    this.p += 2
    const second = this.hex4()
    if (second === -1) return -1
    if (second < 0xdc00 || second >= 0xe000) return first
    return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
  }

  private hex4(): number {
    let value = 0
    for (let i = 0; i < 4; i++) {
      const digit = hexDigit(this.peek())
      if (digit === -1) return -1
      value = value * 16 + digit
      this.p++
    }
    return value
  }

  /** Reads the number that starts at p. */
  number(): boolean {
    this.numberStart = this.p
    this.integer = true
    if (this.peek() === MINUS) this.p++
    if (this.peek() === ZERO) {
      this.p++
      if (isDigit(this.peek())) return false
    } else if (!this.digits()) return false
    if (this.peek() === DOT) {
      this.integer = false
      this.p++
      if (!this.digits()) return false
    }
    if ((this.peek() | 0x20) === LETTER_E) {
      this.integer = false
      this.p++
      if (this.peek() === MINUS || this.peek() === PLUS) this.p++
      if (!this.digits()) return false
    }
    return true
  }

  private digits(): boolean {
    const start = this.p
    while (isDigit(this.peek())) this.p++
    return this.p > start
  }

  /** Skips the value of a field that nobody wants. */
  skipValue(): boolean {
    let depth = 0
    for (;;) {
      const b = this.next()
      if (b === OPEN_BRACE || b === OPEN_BRACKET) {
        this.p++
        const close = b === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET
        if (this.next() !== close) {
          if (depth === this.frames.length) this.growFrames()
          this.frames[depth++] = close
          if (close === CLOSE_BRACE && !this.skipKey()) return false
          continue
        }
        this.p++
      } else if (!this.skipScalar(b)) return false
      // A value is complete: close what it closes, up to the next one.
      for (;;) {
        if (depth === 0) return true
        const close = this.frames[depth - 1]
        const after = this.next()
        if (after === COMMA) {
          this.p++
          if (close === CLOSE_BRACE && !this.skipKey()) return false
          break
        }
        if (after !== close) return false
        this.p++
        depth--
      }
    }
  }

  private skipKey(): boolean {
    return this.next() === QUOTE && this.skipString() && this.take(COLON)
  }

  private skipScalar(b: number): boolean {
    if (b === QUOTE) return this.skipString()
    if (b === MINUS || isDigit(b)) return this.number()
    const word = LITERALS.get(b)
    if (word === undefined) return false
    for (const letter of word) {
      if (this.peek() !== letter) return false
      this.p++
    }
    return true
  }

  private skipString(): boolean {
    this.p++
    for (;;) {
      const b = this.peek()
      this.p++
      if (b === QUOTE) return true
      if (b === BACKSLASH) {
        const letter = this.peek()
        this.p++
        if (letter === LETTER_U ? this.hex4() === -1 : !ESCAPES.has(letter)) return false
      } else if (b < SPACE) {
        this.p--
        return false
      } else if (b > 0x7f) this.nonAscii = true
    }
  }

  private growFrames(): void {
    const grown = new Uint8Array(this.frames.length * 2)
    grown.set(this.frames)
    this.frames = grown
  }
}

function isDigit(b: number): boolean {
  return b >= ZERO && b <= NINE
}

function hexDigit(b: number): number {
  if (isDigit(b)) return b - ZERO
  const lower = b | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
