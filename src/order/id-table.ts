/** One entry: four words of the id, two of the digest. */
export const ENTRY_WORDS = 6
/** Entries of one chunk. Chunks are made as they are needed and never copied. */
const CHUNK_BITS = 14
const CHUNK_MASK = (1 << CHUNK_BITS) - 1
const FEWEST_SLOTS = 16
const MOST_SLOTS = 2 ** 30
/** Share of slots in use at which the index grows, and at which the table counts as full. */
const GROW_LOAD = 0.75
const FULL_LOAD = 0.7
/** An id's entry and its share of the index, while the index grows and half of it is there twice; bytes. */
const BYTES_PER_ID = ENTRY_WORDS * 4 + (4 * 1.5) / FULL_LOAD

export type Seen = 'new' | 'copy' | 'conflict'

/** Hash of a request id; ids are random, so little mixing is needed. Its high bits choose the range, the others the slot. */
export function hashId(ids: Uint32Array, at: number): number {
  let h = ids[at] ^ Math.imul(ids[at + 1], 0x9e3779b1)
  h = Math.imul(h ^ (h >>> 15) ^ ids[at + 2], 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13) ^ ids[at + 3], 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * The request ids met so far, compared as 128-bit values, each with the digest of its first copy. Entries stand one
 * behind the other as they came; a small index finds them. New ids, most of all, then cost a look into the index, which
 * stays near the processor, and nothing is asked of memory before it is needed.
 */
export class IdTable {
  size = 0
  private readonly chunks: Uint32Array[] = []
  /** A slot: 0 where it is free, else the number of an entry and one, with high bits of its hash above `numberMask`. */
  private index: Uint32Array
  private numberMask: number
  /** Ids at which the index grows. */
  private limit: number
  /** Slots that the budget allows; beyond them it grows only because the caller goes on when it is full. */
  private readonly mostSlots: number

  /** `maxBytes`: most that it takes, while it grows included. `expected`: ids that its index begins with room for. */
  constructor(maxBytes: number, expected = 0) {
    this.mostSlots = Math.max(FEWEST_SLOTS, Math.min(MOST_SLOTS, Math.floor(maxBytes / BYTES_PER_ID / FULL_LOAD)))
    const wanted = Math.max(FEWEST_SLOTS, Math.ceil(expected / (GROW_LOAD - 0.1)))
    this.index = freshIndex(Math.min(wanted, this.mostSlots))
    this.limit = limitOf(this.index)
    this.numberMask = maskFor(this.limit)
  }

  /** Ids at which it is full. */
  get capacity(): number {
    return Math.floor(this.mostSlots * FULL_LOAD)
  }

  /** True where more ids would need more memory than it may have. */
  get full(): boolean {
    return this.size >= this.capacity
  }

  /**
   * Looks the id at ids[at..at+4) up, and adds it where it is new. `hash` is its {@link hashId}. The digest is the two
   * words at digests[d..d+2).
   */
  insert(ids: Uint32Array, at: number, hash: number, digests: Uint32Array, d = 0): Seen {
    if (this.size >= this.limit) this.grow()
    const slot = this.find(ids, at, hash)
    const number = this.index[slot] & this.numberMask
    if (number !== 0) {
      const chunk = this.chunks[(number - 1) >>> CHUNK_BITS]
      const e = ((number - 1) & CHUNK_MASK) * ENTRY_WORDS + 4
      return chunk[e] === digests[d] && chunk[e + 1] === digests[d + 1] ? 'copy' : 'conflict'
    }
    if ((this.size & CHUNK_MASK) === 0 && this.size >>> CHUNK_BITS === this.chunks.length)
      this.chunks.push(new Uint32Array(ENTRY_WORDS << CHUNK_BITS))
    const chunk = this.chunks[this.size >>> CHUNK_BITS]
    const e = (this.size & CHUNK_MASK) * ENTRY_WORDS
    for (let w = 0; w < 4; w++) chunk[e + w] = ids[at + w]
    chunk[e + 4] = digests[d]
    chunk[e + 5] = digests[d + 1]
    this.size++
    this.index[slot] = (hash & ~this.numberMask) | this.size
    return 'new'
  }

  /** True where the id is there. */
  has(ids: Uint32Array, at: number): boolean {
    return this.index[this.find(ids, at, hashId(ids, at))] !== 0
  }

  /**
   * Reads the slot of each hash. Looking ids up one after another waits for memory each time; these reads do not depend
   * on each other, so the processor makes them at once, and the slots are near when `insert` comes.
   */
  touch(hashes: Uint32Array, count: number): number {
    const { index } = this
    let any = 0
    for (let i = 0; i < count; i++) any ^= index[slotOf(hashes[i], index.length)]
    return any
  }

  /** Takes out the entries whose hash `leaves`, and hands each to `out`: six words from words[at] on. The others stay. */
  remove(leaves: (hash: number) => boolean, out: (words: Uint32Array, at: number, hash: number) => void): void {
    const before = this.size
    this.clear()
    for (let n = 0; n < before; n++) {
      const chunk = this.chunks[n >>> CHUNK_BITS]
      const e = (n & CHUNK_MASK) * ENTRY_WORDS
      const hash = hashId(chunk, e)
      if (leaves(hash)) out(chunk, e, hash)
      else this.insert(chunk, e, hash, chunk, e + 4)
    }
  }

  clear(): void {
    this.index.fill(0)
    this.size = 0
  }

  /** The slot of an id, or the free one where it would stand. */
  private find(ids: Uint32Array, at: number, hash: number): number {
    const { index, chunks, numberMask } = this
    const slots = index.length
    const tag = hash & ~numberMask
    for (let slot = slotOf(hash, slots); ; slot = slot + 1 === slots ? 0 : slot + 1) {
      const held = index[slot]
      if (held === 0) return slot
      if ((held & ~numberMask) !== tag) continue
      const number = (held & numberMask) - 1
      const chunk = chunks[number >>> CHUNK_BITS]
      const e = (number & CHUNK_MASK) * ENTRY_WORDS
      if (
        chunk[e] === ids[at] &&
        chunk[e + 1] === ids[at + 1] &&
        chunk[e + 2] === ids[at + 2] &&
        chunk[e + 3] === ids[at + 3]
      )
        return slot
    }
  }

  private grow(): void {
    const slots = this.index.length
    const more = slots < this.mostSlots ? Math.min(slots * 2, this.mostSlots) : Math.ceil(slots * 1.5)
    const index = freshIndex(more)
    this.index = index
    this.limit = limitOf(index)
    this.numberMask = maskFor(this.limit)
    for (let n = 0; n < this.size; n++) {
      const hash = hashId(this.chunks[n >>> CHUNK_BITS], (n & CHUNK_MASK) * ENTRY_WORDS)
      let slot = slotOf(hash, more)
      while (index[slot] !== 0) slot = slot + 1 === more ? 0 : slot + 1
      index[slot] = (hash & ~this.numberMask) | (n + 1)
    }
  }
}

/** Written to once in sequence: read first, here and there, each page would come from the system twice. */
function freshIndex(slots: number): Uint32Array {
  return new Uint32Array(slots).fill(0)
}

function limitOf(index: Uint32Array): number {
  return Math.floor(index.length * GROW_LOAD)
}

/** As many low bits as the numbers up to `most` take. */
function maskFor(most: number): number {
  return 2 ** (32 - Math.clz32(most)) - 1
}

/** Slots need not be a power of two, so that a table can take just what it may have. */
function slotOf(hash: number, slots: number): number {
  return ((Math.imul(hash, 0x9e3779b1) >>> 0) * slots * 2 ** -32) | 0
}
