const FIRST_HEAP_BYTES = 1 << 20
const FIRST_SLOTS = 1 << 14
/** An odd number, so that no two states become one. */
const MIX = 0x9e3779b1

/** The distinct byte strings of one arena. A string is stored once and known by its code; code 0 is the empty string. */
export interface Texts {
  readonly heap: Uint8Array
  readonly heapUsed: number
  /** Strings held; codes are [0, count). */
  readonly count: number
  /** Start of each string in `heap`; the end is the start of the next one. */
  readonly starts: Uint32Array
  /** Code of bytes[start, end), which are copied where they are new. */
  intern(bytes: Uint8Array, start: number, end: number): number
  reset(): void
}

/** The text of a code. Strings are UTF-8 as they stood in the file (escapes resolved). */
export function textOf({ heap, starts }: Texts, code: number): string {
  return Buffer.from(heap.buffer, heap.byteOffset + starts[code], starts[code + 1] - starts[code]).toString('utf8')
}

/** Texts in memory that grows with them. */
export class StringPool implements Texts {
  heap = new Uint8Array(FIRST_HEAP_BYTES)
  heapUsed = 0
  count = 0
  starts = new Uint32Array(FIRST_SLOTS / 2 + 1)
  private hashes = new Uint32Array(FIRST_SLOTS / 2)
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

  intern(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashOf(bytes, start, end)
    const mask = this.slots.length - 1
    let slot = hash >>> 7
    for (;;) {
      slot &= mask
      const found = this.slots[slot]
      if (found === 0) break
      if (this.hashes[found - 1] === hash && this.equals(found - 1, bytes, start, end)) return found - 1
      slot++
    }
    const code = this.count
    if (code === this.hashes.length) {
      this.growIndex()
      return this.intern(bytes, start, end)
    }
    const length = end - start
    if (this.heapUsed + length > this.heap.length) this.growHeap(length)
    this.heap.set(bytes.subarray(start, end), this.heapUsed)
    this.starts[code] = this.heapUsed
    this.heapUsed += length
    this.starts[code + 1] = this.heapUsed
    this.hashes[code] = hash
    this.slots[slot] = code + 1
    this.count = code + 1
    return code
  }

  /** True where the string of this code is bytes[start, end). */
  private equals(code: number, bytes: Uint8Array, start: number, end: number): boolean {
    const at = this.starts[code]
    const length = end - start
    if (this.starts[code + 1] - at !== length) return false
    const heap = this.heap
    for (let i = 0; i < length; i++) if (heap[at + i] !== bytes[start + i]) return false
    return true
  }

  private growHeap(need: number): void {
    const heap = new Uint8Array(Math.max(this.heap.length * 2, this.heapUsed + need))
    heap.set(this.heap.subarray(0, this.heapUsed))
    this.heap = heap
  }

  private growIndex(): void {
    const size = this.hashes.length * 2
    const grow = (from: Uint32Array, length: number) => {
      const to = new Uint32Array(length)
      to.set(from)
      return to
    }
    this.starts = grow(this.starts, size + 1)
    this.hashes = grow(this.hashes, size)
    this.slots = new Uint32Array(size * 2)
    const mask = this.slots.length - 1
    for (let code = 0; code < this.count; code++) {
      let slot = (this.hashes[code] >>> 7) & mask
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask
      this.slots[slot] = code + 1
    }
  }
}

function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start
  for (let i = start; i < end; i++) {
    hash = Math.imul(hash ^ bytes[i], MIX)
    hash ^= hash >>> 15
  }
  return Math.imul(hash, MIX) >>> 0
}
