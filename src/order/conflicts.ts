import { RecordArena } from '../domain/arena.js'
import { LedgerError } from '../domain/errors.js'
import { FIELDS } from '../domain/record.js'
import { copyRow } from './arena-copy.js'
import { Digests } from './digest.js'
import type { IdTable } from './id-table.js'
import { compareIds } from './sort.js'

/** So many ids in conflict are no accident of some records. */
const MOST_IDS = 250_000

interface Version {
  readonly digest: string
  copies: number
  /** Row in the arena of versions. */
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
 */
export class ConflictResolver {
  private readonly versions = new Map<string, Version[]>()
  private arena = new RecordArena(1024)
  private readonly digest = new Uint32Array(2)
  private digests: Digests | undefined
  private digestsOf: RecordArena | undefined

  constructor(
    /** The ids in conflict. */
    readonly ids: IdTable,
  ) {}

  /**
   * Takes one record of an id in conflict. Returns true where this version of it was not met before: it then goes to the
   * quarantine. Throws `refused` where there are too many to be kept.
   */
  take(arena: RecordArena, row: number): boolean {
    if (this.digestsOf !== arena) {
      this.digests = new Digests(arena)
      this.digestsOf = arena
    }
    this.digests?.of(row, this.digest)
    const digest = this.digest.join()
    const id = arena.request_id.subarray(row * 4, row * 4 + 4).join()
    const versions = this.versions.get(id) ?? []
    const known = versions.find((version) => version.digest === digest)
    if (known !== undefined) {
      known.copies++
      // Evidence of any copy counts for the record.
      this.arena.evidence[known.row] |= arena.evidence[row]
      this.arena.batch[known.row] = earlierBatch(this.arena.batch[known.row], arena.batch[row])
      return false
    }
    if (versions.length === 0 && this.versions.size >= MOST_IDS)
      throw new LedgerError('refused', `more than ${MOST_IDS} request ids come with different values`, {
        hint: 'the sources hold two different histories: replay one of them, or one after the other',
      })
    if (this.arena.rows === this.arena.capacity) this.grow()
    versions.push({ digest, copies: 1, row: this.arena.rows })
    copyRow(arena, row, this.arena)
    this.versions.set(id, versions)
    return true
  }

  /** The versions that stay, in an arena of their own, and how many copies lost. */
  settle(): { winners: RecordArena; counts: ConflictCounts } {
    const winners = new RecordArena(Math.max(1, this.versions.size))
    let [ids, copies, losing] = [0, 0, 0]
    for (const versions of this.versions.values()) {
      const winner = versions.reduce((best, version) =>
        compareVersions(this.arena, version.row, best.row) > 0 ? version : best,
      )
      for (const version of versions) {
        if (version === winner) copies += version.copies - 1
        else losing += version.copies
        this.arena.evidence[winner.row] |= this.arena.evidence[version.row]
        this.arena.batch[winner.row] = earlierBatch(this.arena.batch[winner.row], this.arena.batch[version.row])
      }
      if (versions.length > 1) ids++
      copyRow(this.arena, winner.row, winners)
    }
    return { winners, counts: { ids, copies, losing } }
  }

  private grow(): void {
    const larger = new RecordArena(this.arena.capacity * 2)
    for (let row = 0; row < this.arena.rows; row++) copyRow(this.arena, row, larger)
    this.arena = larger
  }
}

/** Of two batches the one with the lower number, whatever came first; 0 is none. */
function earlierBatch(a: number, b: number): number {
  return a === 0 || b === 0 ? a + b : Math.min(a, b)
}

function compareVersions(arena: RecordArena, a: number, b: number): number {
  const byTime = arena.ts_ms[a] - arena.ts_ms[b]
  if (byTime !== 0) return byTime
  for (const { name, kind } of FIELDS) {
    const order = compareField(arena, name, kind, a, b)
    if (order !== 0) return order
  }
  return 0
}

function compareField(
  arena: RecordArena,
  name: (typeof FIELDS)[number]['name'],
  kind: (typeof FIELDS)[number]['kind'],
  a: number,
  b: number,
): number {
  const column = arena[name]
  if (kind === 'uuid') return compareIds({ request_id: column as Uint32Array }, a, b)
  if (kind === 'string') return Buffer.compare(textOf(arena, column[a]), textOf(arena, column[b]))
  if (name === 'weight')
    return Number(weightOf(arena, a) > weightOf(arena, b)) - Number(weightOf(arena, a) < weightOf(arena, b))
  // 0 and -0 differ in their bits only: the positive one is the greater.
  return column[a] - column[b] || Number(Object.is(column[b], -0)) - Number(Object.is(column[a], -0))
}

function weightOf(arena: RecordArena, row: number): bigint {
  return (BigInt(arena.weight[row * 2 + 1] | 0) << 32n) | BigInt(arena.weight[row * 2])
}

function textOf(arena: RecordArena, code: number): Uint8Array {
  return arena.strings.heap.subarray(arena.strings.starts[code], arena.strings.starts[code + 1])
}
