const KEPT_BYTES = 64 * 1024

/** Memory for the text of strings with escapes, until their record is stored. */
export class TextScratch {
  bytes = new Uint8Array(KEPT_BYTES)
  used = 0

  /** Forgets all text; what a huge line needed is given back. */
  reset(): void {
    this.used = 0
    if (this.bytes.length > KEPT_BYTES) this.bytes = new Uint8Array(KEPT_BYTES)
  }

  append(from: Uint8Array, start: number, end: number): void {
    this.reserve(end - start)
    this.bytes.set(from.subarray(start, end), this.used)
    this.used += end - start
  }

  appendCodePoint(code: number): void {
    this.reserve(4)
    const { bytes } = this
    if (code < 0x80) bytes[this.used++] = code
    else {
      if (code < 0x800) bytes[this.used++] = 0xc0 | (code >> 6)
      else {
        if (code < 0x10000) bytes[this.used++] = 0xe0 | (code >> 12)
        else {
          bytes[this.used++] = 0xf0 | (code >> 18)
          bytes[this.used++] = 0x80 | ((code >> 12) & 0x3f)
        }
        bytes[this.used++] = 0x80 | ((code >> 6) & 0x3f)
      }
      bytes[this.used++] = 0x80 | (code & 0x3f)
    }
  }

  /** Text handed out before stays where it was: a larger memory is a new one. */
  private reserve(need: number): void {
    if (this.used + need <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.used + need))
    grown.set(this.bytes.subarray(0, this.used))
    this.bytes = grown
  }
}
