/** One entry: four words of the id, two of the digest. The first word of a digest is never 0, so 0 marks a free slot. */
const WORDS = 6
const FREE_AT = 4
/** The table is made of parts that grow one after another, so that never the whole of it is there twice. A power of two. */
const PARTS = 16
const FEWEST_SLOTS = 16
/** Share of slots in use at which a part grows, and at which the whole table counts as full. */
const GROW_LOAD = 0.75
const FULL_LOAD = 0.7
/** Where a part may not grow any more; chance alone never fills it as far while the others are below the mark. */
const LAST_LOAD = 0.9

export type Seen = 'new' | 'copy' | 'conflict'

/** Hash of a request id; ids are random, so little mixing is needed. Its high bits choose the range, the others the slot. */
export function hashId(ids: Uint32Array, at: number): number {
  let h = ids[at] ^ Math.imul(ids[at + 1], 0x9e3779b1)
  h = Math.imul(h ^ (h >>> 15) ^ ids[at + 2], 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13) ^ ids[at + 3], 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

interface Part {
  entries: Uint32Array
  slots: number
  used: number
  /** Grows when it holds so many. */
  limit: number
}

/** The request ids met so far, compared as 128-bit values, each with the digest of its first copy. */
export class IdTable {
  size = 0
  private readonly parts: Part[] = []
  /** Most slots of a part. */
  private readonly mostSlots: number

  /** `maxBytes`: most that it takes, while it grows included. `expected`: ids that it begins with room for. */
  constructor(maxBytes: number, expected = 0) {
    this.mostSlots = Math.max(FEWEST_SLOTS, Math.floor(maxBytes / (PARTS + 1) / (WORDS * 4)))
    const wanted = Math.max(FEWEST_SLOTS, Math.ceil(expected / PARTS / (GROW_LOAD - 0.1)))
    const slots = Math.min(wanted, this.mostSlots)
    for (let p = 0; p < PARTS; p++)
      this.parts.push({ entries: new Uint32Array(slots * WORDS), slots, used: 0, limit: this.limitOf(slots) })
  }

  /** Ids at which it is full. */
  get capacity(): number {
    return Math.floor(this.mostSlots * PARTS * FULL_LOAD)
  }

  /** True where more ids would need more memory than it may have. */
  get full(): boolean {
    return this.size >= this.capacity
  }

  /**
   * Looks the id at ids[at..at+4) up, and adds it where it is new. `hash` is its {@link hashId}. The digest is the two
   * words at digests[d..d+2), the first of them not 0.
   */
  insert(ids: Uint32Array, at: number, hash: number, digests: Uint32Array, d = 0): Seen {
    const part = this.parts[hash & (PARTS - 1)]
    if (part.used >= part.limit) this.grow(part)
    const seen = place(part, ids, at, hash, digests, d)
    if (seen === 'new') this.size++
    return seen
  }

  /** True where the id is there. */
  has(ids: Uint32Array, at: number): boolean {
    const hash = hashId(ids, at)
    const { entries, slots } = this.parts[hash & (PARTS - 1)]
    for (let slot = slotOf(hash, slots); ; slot = slot + 1 === slots ? 0 : slot + 1) {
      const e = slot * WORDS
      if (entries[e + FREE_AT] === 0) return false
      if (sameId(entries, e, ids, at)) return true
    }
  }

  /**
   * Reads a word of the slot of each hash. Looking ids up one after another waits for memory each time; these reads do
   * not depend on each other, so the processor makes them at once, and the entries are near when `insert` comes.
   */
  touch(hashes: Uint32Array, count: number): number {
    let any = 0
    for (let i = 0; i < count; i++) {
      const { entries, slots } = this.parts[hashes[i] & (PARTS - 1)]
      any ^= entries[slotOf(hashes[i], slots) * WORDS + FREE_AT]
    }
    return any
  }

  /** Takes out the entries whose hash `leaves`, and hands each to `out` (six words). The others stay. */
  remove(leaves: (hash: number) => boolean, out: (entry: Uint32Array) => void): void {
    let old = new Uint32Array(0)
    this.size = 0
    for (const part of this.parts) {
      if (old.length < part.entries.length) old = new Uint32Array(part.entries.length)
      old.set(part.entries)
      const end = part.entries.length
      part.entries.fill(0)
      part.used = 0
      for (let e = 0; e < end; e += WORDS) {
        if (old[e + FREE_AT] === 0) continue
        const hash = hashId(old, e)
        if (leaves(hash)) out(old.subarray(e, e + WORDS))
        else place(part, old, e, hash, old, e + 4)
      }
      this.size += part.used
    }
  }

  clear(): void {
    for (const part of this.parts) {
      part.entries.fill(0)
      part.used = 0
    }
    this.size = 0
  }

  private limitOf(slots: number): number {
    return Math.floor(slots * (slots < this.mostSlots ? GROW_LOAD : LAST_LOAD))
  }

  private grow(part: Part): void {
    const old = part.entries
    const { slots } = part
    part.slots = slots < this.mostSlots ? Math.min(slots * 2, this.mostSlots) : Math.ceil(slots * 1.5)
    part.limit = this.limitOf(part.slots)
    part.entries = new Uint32Array(part.slots * WORDS)
    part.used = 0
    for (let e = 0; e < old.length; e += WORDS)
      if (old[e + FREE_AT] !== 0) place(part, old, e, hashId(old, e), old, e + 4)
  }
}

/** Slots need not be a power of two, so that a table can take just what it may have. */
function slotOf(hash: number, slots: number): number {
  return ((Math.imul(hash, 0x9e3779b1) >>> 0) * slots * 2 ** -32) | 0
}

function sameId(entries: Uint32Array, e: number, ids: Uint32Array, at: number): boolean {
  return (
    entries[e] === ids[at] &&
    entries[e + 1] === ids[at + 1] &&
    entries[e + 2] === ids[at + 2] &&
    entries[e + 3] === ids[at + 3]
  )
}

function place(part: Part, ids: Uint32Array, at: number, hash: number, digests: Uint32Array, d: number): Seen {
  const { entries, slots } = part
  for (let slot = slotOf(hash, slots); ; slot = slot + 1 === slots ? 0 : slot + 1) {
    const e = slot * WORDS
    if (entries[e + FREE_AT] === 0) {
      for (let w = 0; w < 4; w++) entries[e + w] = ids[at + w]
      entries[e + 4] = digests[d]
      entries[e + 5] = digests[d + 1]
      part.used++
      return 'new'
    }
    if (sameId(entries, e, ids, at))
      return entries[e + 4] === digests[d] && entries[e + 5] === digests[d + 1] ? 'copy' : 'conflict'
  }
}
