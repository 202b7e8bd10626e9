import { RecordArena } from '../domain/arena.js'
import { FIELDS, type Field } from '../domain/record.js'
import { copyRow, copyRows } from './arena-copy.js'
import { MOST_CONFLICT_IDS, tooManyConflicts } from './conflict-ids.js'
import { hashId, IdTable } from './id-table.js'
import { compareIds } from './sort.js'

/** All versions are remembered by a number and a digest, those that lose too. */
const MOST_VERSIONS = 1_000_000
/** Texts of records that lost their place are let go when there are so many more bytes than after the last time. */
const SPARE_TEXT_BYTES = 1 << 20

interface Contest {
  /** Of the version that would stay by now. */
  first: number
  second: number
  /** Copies of that version, and of all. */
  copies: number
  all: number
  /** Versions met. */
  versions: number
  /** Row of that version in the arena of winners. */
  readonly row: number
}

export interface ConflictCounts {
  /** Ids with more than one version. */
  readonly ids: number
  /** Copies that equal the version that stays, without the first of them. */
  readonly copies: number
  /** Copies of the versions that do not stay. */
  readonly losing: number
}

/**
 * Settles which version of a record stays where copies with one request id differ. The rule looks at values alone, never
 * at files or their order: the greater `ts_ms` stays, then the greater value in the first field, in the record's order,
 * that differs (numbers as numbers, texts and ids by their bytes).
 *
 * Only the version that would stay is kept whole, so memory grows with the ids, and by a few words with each version.
 */
export class ConflictResolver {
  private readonly contests = new Map<string, Contest>()
  /** Versions met: the number of the contest and the digest, in place of an id. */
  private readonly met = new IdTable(Infinity)
  private readonly version = new Uint32Array(6)
  private readonly digest = new Uint32Array(2)
  private winners = new RecordArena(64)
  private textBytes = 0

  constructor(
    /** The ids in conflict. */
    readonly ids: IdTable,
  ) {}

  /**
   * Takes one record of an id in conflict. Returns true where this version of it was not met before: it then goes to the
   * quarantine. Throws `refused` where there are too many to be kept.
   */
  take(arena: RecordArena, row: number): boolean {
    this.digest.set(arena.digest.subarray(row * 2, row * 2 + 2))
    const [first, second] = this.digest
    const id = arena.request_id.subarray(row * 4, row * 4 + 4).join()
    const contest = this.contests.get(id)
    if (contest === undefined) {
      this.open(id, arena, row)
      return true
    }
    const { winners } = this
    contest.all++
    // Evidence of any copy counts for the record.
    const evidence = winners.evidence[contest.row] | arena.evidence[row]
    const batch = earlierBatch(winners.batch[contest.row], arena.batch[row])
    const isNew = this.meet(contest.row)
    if (isNew) {
      contest.versions++
      if (compareVersions(arena, row, winners, contest.row) > 0) {
        this.replace(contest.row, arena, row)
        Object.assign(contest, { first, second, copies: 1 })
      }
    } else if (contest.first === first && contest.second === second) contest.copies++
    this.winners.evidence[contest.row] = evidence
    this.winners.batch[contest.row] = batch
    return isNew
  }

  /** The versions that stay, in an arena of their own, and how many copies lost. */
  settle(): { winners: RecordArena; counts: ConflictCounts } {
    let [ids, copies, losing] = [0, 0, 0]
    for (const contest of this.contests.values()) {
      if (contest.versions > 1) ids++
      copies += contest.copies - 1
      losing += contest.all - contest.copies
    }
    return { winners: this.winners, counts: { ids, copies, losing } }
  }

  private open(id: string, arena: RecordArena, row: number): void {
    const at = this.contests.size
    if (at >= MOST_CONFLICT_IDS) throw tooManyConflicts(`${MOST_CONFLICT_IDS} request ids`)
    if (at === this.winners.capacity) this.rebuild(at * 2)
    copyRow(arena, row, this.winners)
    const [first, second] = this.digest
    this.contests.set(id, { first, second, copies: 1, all: 1, versions: 1, row: at })
    this.meet(at)
  }

  /** Notes the version of the digest at hand; true where it is new to the contest. */
  private meet(contest: number): boolean {
    const { version, met } = this
    version.set(this.digest)
    version[2] = contest
    version[4] = 1
    const isNew = met.insert(version, 0, hashId(version, 0), version, 4) === 'new'
    if (met.size > MOST_VERSIONS) throw tooManyConflicts(`${MOST_VERSIONS} copies of records`)
    return isNew
  }

  private replace(place: number, arena: RecordArena, row: number): void {
    const { rows } = this.winners
    this.winners.rows = place
    copyRow(arena, row, this.winners)
    this.winners.rows = rows
    if (this.winners.strings.heapUsed > 2 * this.textBytes + SPARE_TEXT_BYTES) this.rebuild(this.winners.capacity)
  }

  /** The same rows in an arena of another size, without texts that none of them has any more. */
  private rebuild(capacity: number): void {
    const next = new RecordArena(capacity)
    copyRows(
      this.winners,
      Uint32Array.from({ length: this.winners.rows }, (_, row) => row),
      next,
    )
    this.winners = next
    this.textBytes = next.strings.heapUsed
  }
}

/** Of two batches the one with the lower number, whatever came first; 0 is none. */
function earlierBatch(a: number, b: number): number {
  return a === 0 || b === 0 ? a + b : Math.min(a, b)
}

/** Which of two rows, each of an arena, stays: the greater one. */
function compareVersions(one: RecordArena, a: number, other: RecordArena, b: number): number {
  const byTime = one.ts_ms[a] - other.ts_ms[b]
  if (byTime !== 0) return byTime
  for (const field of FIELDS) {
    const order = compareField(field, one, a, other, b)
    if (order !== 0) return order
  }
  return 0
}

function compareField({ name, kind }: Field, one: RecordArena, a: number, other: RecordArena, b: number): number {
  const [here, there] = [one[name], other[name]]
  if (kind === 'uuid') return compareIds(here as Uint32Array, a, there as Uint32Array, b)
  if (kind === 'string') return Buffer.compare(textOf(one, here[a]), textOf(other, there[b]))
  if (name === 'weight')
    return Number(weightOf(one, a) > weightOf(other, b)) - Number(weightOf(one, a) < weightOf(other, b))
  // 0 and -0 differ in their bits only: the positive one is the greater.
  return here[a] - there[b] || Number(Object.is(there[b], -0)) - Number(Object.is(here[a], -0))
}

function weightOf(arena: RecordArena, row: number): bigint {
  return (BigInt(arena.weight[row * 2 + 1] | 0) << 32n) | BigInt(arena.weight[row * 2])
}

function textOf(arena: RecordArena, code: number): Uint8Array {
  return arena.strings.heap.subarray(arena.strings.starts[code], arena.strings.starts[code + 1])
}
