/** One entry: four words of the id, two of the digest. The first word of a digest is never 0, so 0 marks a free slot. */
const WORDS = 6
const FREE_AT = 4
const FIRST_SLOTS = 1 << 12
/** Share of slots in use above which probing becomes slow. */
const MOST_LOAD = 0.7

export type Seen = 'new' | 'copy' | 'conflict'

/** Hash of a request id; ids are random, so little mixing is needed. Its low bits choose the slot, its high ones the range. */
export function hashId(ids: Uint32Array, at: number): number {
  let h = ids[at] ^ Math.imul(ids[at + 1], 0x9e3779b1)
  h = Math.imul(h ^ (h >>> 15) ^ ids[at + 2], 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13) ^ ids[at + 3], 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** The request ids met so far, compared as 128-bit values, each with the digest of its first copy. */
export class IdTable {
  private entries: Uint32Array
  private slots: number
  size = 0

  /** `maxBytes`: most that it takes, while it grows included. `expected`: ids that it begins with room for. */
  constructor(
    private readonly maxBytes: number,
    expected = 0,
  ) {
    this.slots = FIRST_SLOTS
    while (this.slots * MOST_LOAD < expected && this.slots * 2 * WORDS * 4 * 3 <= maxBytes) this.slots *= 2
    this.entries = new Uint32Array(this.slots * WORDS)
  }

  /** True where one more id would need more memory than it may have. */
  get full(): boolean {
    // Growing holds the old and the new table for a moment: three times the present size.
    return this.size >= this.slots * MOST_LOAD && this.slots * WORDS * 4 * 3 > this.maxBytes
  }

  /** Looks the id at ids[at..at+4) up, and adds it where it is new. `hash` is its {@link hashId}. */
  insert(ids: Uint32Array, at: number, hash: number, digest: Uint32Array): Seen {
    if (this.size >= this.slots * MOST_LOAD) this.grow()
    return this.place(ids, at, hash, digest[0], digest[1])
  }

  private place(ids: Uint32Array, at: number, hash: number, d0: number, d1: number): Seen {
    const { entries } = this
    const mask = this.slots - 1
    const w0 = ids[at]
    const w1 = ids[at + 1]
    const w2 = ids[at + 2]
    const w3 = ids[at + 3]
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const e = slot * WORDS
      if (entries[e + FREE_AT] === 0) {
        entries[e] = w0
        entries[e + 1] = w1
        entries[e + 2] = w2
        entries[e + 3] = w3
        entries[e + 4] = d0
        entries[e + 5] = d1
        this.size++
        return 'new'
      }
      if (entries[e] === w0 && entries[e + 1] === w1 && entries[e + 2] === w2 && entries[e + 3] === w3)
        return entries[e + 4] === d0 && entries[e + 5] === d1 ? 'copy' : 'conflict'
    }
  }

  /** True where the id is there. */
  has(ids: Uint32Array, at: number): boolean {
    const { entries } = this
    const mask = this.slots - 1
    for (let slot = hashId(ids, at) & mask; ; slot = (slot + 1) & mask) {
      const e = slot * WORDS
      if (entries[e + FREE_AT] === 0) return false
      if (
        entries[e] === ids[at] &&
        entries[e + 1] === ids[at + 1] &&
        entries[e + 2] === ids[at + 2] &&
        entries[e + 3] === ids[at + 3]
      )
        return true
    }
  }

  /** Takes out the entries whose hash `leaves`, and hands each to `out` (six words). The others stay. */
  remove(leaves: (hash: number) => boolean, out: (entry: Uint32Array) => void): void {
    const old = this.entries
    this.entries = new Uint32Array(old.length)
    this.size = 0
    for (let e = 0; e < old.length; e += WORDS) {
      if (old[e + FREE_AT] === 0) continue
      const hash = hashId(old, e)
      if (leaves(hash)) out(old.subarray(e, e + WORDS))
      else this.place(old, e, hash, old[e + 4], old[e + 5])
    }
  }

  clear(): void {
    this.entries.fill(0)
    this.size = 0
  }

  private grow(): void {
    const old = this.entries
    this.slots *= 2
    this.entries = new Uint32Array(this.slots * WORDS)
    this.size = 0
    for (let e = 0; e < old.length; e += WORDS)
      if (old[e + FREE_AT] !== 0) this.place(old, e, hashId(old, e), old[e + 4], old[e + 5])
  }
}
