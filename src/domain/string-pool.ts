const FIRST_HEAP_BYTES = 1 << 20
const FIRST_SLOTS = 1 << 14
/** An odd number, so that no two states become one. */
const MIX = 0x9e3779b1

/**
 * CRC-32 (zlib's polynomial, as ClickHouse's CRC32()) four bytes at a time: table k holds what a byte does to the sum
 * when k bytes follow it.
 */
const CRC_0 = Int32Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1
  return c
})
const behindOneMore = (table: Int32Array) => table.map((c) => CRC_0[c & 255] ^ (c >>> 8))
const CRC_1 = behindOneMore(CRC_0)
const CRC_2 = behindOneMore(CRC_1)
const CRC_3 = behindOneMore(CRC_2)

/**
 * The distinct byte strings of one arena. A string is stored once and known by its code; code 0 is the empty string.
 * Strings are UTF-8 as they stood in the file (escapes resolved).
 */
export class StringPool {
  heap = new Uint8Array(FIRST_HEAP_BYTES)
  heapUsed = 0
  /** Strings held; codes are [0, count). */
  count = 0
  /** Start of each string in `heap`; the end is the start of the next one. */
  starts = new Uint32Array(FIRST_SLOTS / 2 + 1)
  /** CRC-32 of each string. */
  crc = new Uint32Array(FIRST_SLOTS / 2)
  /** A second, independent 32-bit hash of each string. */
  mix = new Uint32Array(FIRST_SLOTS / 2)
  private slots = new Uint32Array(FIRST_SLOTS)

  constructor() {
    this.reset()
  }

  reset(): void {
    this.slots.fill(0)
    this.heapUsed = 0
    this.count = 0
    this.intern(this.heap, 0, 0)
  }

  length(code: number): number {
    return this.starts[code + 1] - this.starts[code]
  }

  text(code: number): string {
    return Buffer.from(this.heap.buffer, this.starts[code], this.length(code)).toString('utf8')
  }

  /** True where the string of this code is bytes[start, end). */
  equals(code: number, bytes: Uint8Array, start: number, end: number): boolean {
    const at = this.starts[code]
    const length = end - start
    if (this.starts[code + 1] - at !== length) return false
    const heap = this.heap
    for (let i = 0; i < length; i++) if (heap[at + i] !== bytes[start + i]) return false
    return true
  }

  /** Code of bytes[start, end), which are copied where they are new. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    let crc = -1
    let mix = end - start
    let i = start
    for (const last = end - 3; i < last; i += 4) {
      const word = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)
      crc ^= word
      crc = CRC_3[crc & 255] ^ CRC_2[(crc >>> 8) & 255] ^ CRC_1[(crc >>> 16) & 255] ^ CRC_0[crc >>> 24]
      mix = Math.imul(mix ^ word, MIX)
      mix ^= mix >>> 15
    }
    for (; i < end; i++) {
      const byte = bytes[i]
      crc = CRC_0[(crc ^ byte) & 255] ^ (crc >>> 8)
      mix = Math.imul(mix ^ byte, MIX)
      mix ^= mix >>> 15
    }
    crc = ~crc >>> 0
    mix >>>= 0
    const mask = this.slots.length - 1
    let slot = Math.imul(crc ^ mix, 0x9e3779b1) >>> 7
    for (;;) {
      slot &= mask
      const found = this.slots[slot]
      if (found === 0) break
      if (this.crc[found - 1] === crc && this.mix[found - 1] === mix && this.equals(found - 1, bytes, start, end))
        return found - 1
      slot++
    }
    const code = this.count
    if (code === this.crc.length) {
      this.growIndex()
      return this.intern(bytes, start, end)
    }
    const length = end - start
    if (this.heapUsed + length > this.heap.length) this.growHeap(length)
    this.heap.set(bytes.subarray(start, end), this.heapUsed)
    this.starts[code] = this.heapUsed
    this.heapUsed += length
    this.starts[code + 1] = this.heapUsed
    this.crc[code] = crc
    this.mix[code] = mix
    this.slots[slot] = code + 1
    this.count = code + 1
    return code
  }

  private growHeap(need: number): void {
    const heap = new Uint8Array(Math.max(this.heap.length * 2, this.heapUsed + need))
    heap.set(this.heap.subarray(0, this.heapUsed))
    this.heap = heap
  }

  private growIndex(): void {
    const size = this.crc.length * 2
    const grow = (from: Uint32Array, length: number) => {
      const to = new Uint32Array(length)
      to.set(from)
      return to
    }
    this.starts = grow(this.starts, size + 1)
    this.crc = grow(this.crc, size)
    this.mix = grow(this.mix, size)
    this.slots = new Uint32Array(size * 2)
    const mask = this.slots.length - 1
    for (let code = 0; code < this.count; code++) {
      let slot = Math.imul(this.crc[code] ^ this.mix[code], 0x9e3779b1) >>> 7
      slot &= mask
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask
      this.slots[slot] = code + 1
    }
  }
}
