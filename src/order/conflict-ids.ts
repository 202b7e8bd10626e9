import { LedgerError } from '../domain/errors.js'
import { hashId, IdTable } from './id-table.js'

/** So many ids in conflict are no accident of some records, and they are settled in memory. */
export const MOST_CONFLICT_IDS = 250_000

/** Thrown where the sources are no copies of one history. */
export function tooManyConflicts(what: string): LedgerError {
  return new LedgerError('refused', `more than ${what} come with different values`, {
    hint: 'the sources hold two different histories: replay one of them, or one after the other',
  })
}

const NO_DIGEST = Uint32Array.of(1, 0)

/** The ids of a list, four words each, for looking up. */
export function idsInConflict(ids: Uint32Array): IdTable {
  const table = new IdTable(Infinity)
  for (let at = 0; at < ids.length; at += 4) table.insert(ids, at, hashId(ids, at), NO_DIGEST)
  return table
}

/** A set of request ids, each known by its four words; every id is there once. */
export class ConflictIds {
  private readonly seen = new IdTable(Infinity)
  private words = new Uint32Array(64)

  /** Throws `refused` where there are too many. */
  add(ids: Uint32Array, at: number): void {
    const count = this.seen.size
    if (this.seen.insert(ids, at, hashId(ids, at), NO_DIGEST) !== 'new') return
    if (count === MOST_CONFLICT_IDS) throw tooManyConflicts(`${MOST_CONFLICT_IDS} request ids`)
    if (this.words.length === count * 4) {
      const larger = new Uint32Array(this.words.length * 2)
      larger.set(this.words)
      this.words = larger
    }
    this.words.set(ids.subarray(at, at + 4), count * 4)
  }

  /** Four words for each id. */
  list(): Uint32Array {
    return this.words.slice(0, this.seen.size * 4)
  }
}
