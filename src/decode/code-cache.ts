import type { StringPool } from '../domain/string-pool.js'

const SLOTS = 256

/**
 * Codes of the strings that one column met lately: a comparison instead of two hashes for columns of few values, and
 * one glance lost for others.
 */
export class CodeCache {
  private readonly codes = new Uint32Array(SLOTS)

  /** To be called whenever the pool was reset or is another one. */
  forget(): void {
    this.codes.fill(0)
  }

  code(pool: StringPool, bytes: Uint8Array, start: number, end: number): number {
    if (start === end) return 0
    const slot = ((end - start) * 31 + bytes[start] * 7 + bytes[end - 1] * 3 + bytes[(start + end) >> 1]) & (SLOTS - 1)
    const known = this.codes[slot]
    if (known !== 0 && pool.equals(known, bytes, start, end)) return known
    const code = pool.intern(bytes, start, end)
    this.codes[slot] = code
    return code
  }
}
