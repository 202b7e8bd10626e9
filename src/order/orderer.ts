import { RecordArena } from '../domain/arena.js'
import { DAY_MS, type FieldName } from '../domain/record.js'
import { Tally } from '../domain/tally.js'
import { copyRows } from './arena-copy.js'
import { orderBudget } from './budget.js'
import { Digests } from './digest.js'
import { type RecordFilter, recordFilter, type Verdict } from './filter.js'
import { hashId, IdTable } from './id-table.js'
import { encodeEvidence, NativeEncoder } from './native-block.js'
import { sortRows } from './sort.js'
import { SpillRange } from './spill.js'

/** One INSERT's worth of records, each id once, ordered by (ts_ms, request_id). */
export interface OrderedBlock {
  readonly rows: number
  readonly minTsMs: number
  readonly maxTsMs: number
  /** A block in ClickHouse's Native format. Valid until the receiver's promise resolves; empty without encoding. */
  readonly native: Uint8Array
  /** Evidence of these records and of copies of any, or null. */
  readonly evidence: { readonly bytes: Uint8Array; readonly rows: number } | null
}

export interface OrderOptions {
  /** What this stage may take, bytes. */
  readonly memoryBytes: number
  /** An existing directory for spill files. */
  readonly spoolDir: string
  /** Fields that the target has columns for. */
  readonly columns: readonly FieldName[]
  readonly filter: RecordFilter
  /** False where only counts are wanted. */
  readonly encode: boolean
  /** About how many records there will be. Growing the table of ids as it fills took a tenth of the whole command. */
  readonly expectedRecords?: number
  /** Ids known to be in conflict: their records are left to the conflict resolver. */
  readonly withheld?: IdTable
}

export interface OrderSummary {
  /** Records handed in. */
  readonly accepted: number
  readonly sent: number
  /** Further copies, equal in every field. */
  readonly copies: number
  readonly filtered: number
  readonly expired: number
  /** Records of withheld ids. */
  readonly withheld: number
  /** Ids that came with different values, four words each; some may be there more than once. */
  readonly conflictIds: Uint32Array
  readonly minTsMs: number | null
  readonly maxTsMs: number | null
  readonly spilledRows: number
  readonly spilledBytes: number
  readonly tally: Tally
}

/**
 * A block stays below 100 partitions, ClickHouse's limit for one INSERT, whatever the server's time zone: a UTC day lies
 * in at most two of its days.
 */
const MOST_UTC_DAYS = 49
/** Ranges of ids are the values of the highest byte of their hash. */
const RANGES = 256

/**
 * The order stage: drops copies by request id and puts records in order of time, a full arena at a time.
 *
 * There is no barrier between reading and sending. A full external sort would hold back the first row until the last one
 * is read and write every record to disk twice more; measured, the whole command then took 2.9 s instead of 1.7 s for
 * 1.1 million records. Files are read in order of time, so each arena is a run of records close together; sorted, it
 * becomes one block, and the staging table's merge tree, whose parts are such sorted runs, does the rest of the merge
 * as it does for every insert. The table that results is the same.
 *
 * Copies are found in a table of ids. When it is full, half of the ids it is responsible for are put aside: those already
 * sent as markers in a file, records that come later in another. After the last input each range on disk gets the
 * table for itself. So every id is compared exactly, memory is bounded, and the disk is read and written in sequence.
 */
export class Orderer {
  /** To be filled; after `accept` it is another one. */
  arena: RecordArena
  readonly heapBytes: number
  private readonly ids: IdTable
  private readonly digests: Digests
  private readonly encoder: NativeEncoder
  private readonly passes: (arena: RecordArena, row: number) => Verdict
  private readonly tally: Tally
  private readonly spillRows: number
  /** The table is responsible for hashes with a high byte in [low, high). */
  private low = 0
  private high = RANGES
  private waiting: SpillRange[] = []
  /** The range that has the table for itself. */
  private current: SpillRange | undefined
  private readonly digest = new Uint32Array(2)
  private conflicts: number[] = []
  private readonly counts = { accepted: 0, sent: 0, copies: 0, filtered: 0, expired: 0, withheld: 0, spilledRows: 0 }
  private spilledBytes = 0
  private minTsMs = Infinity
  private maxTsMs = -Infinity

  constructor(
    private readonly options: OrderOptions,
    private readonly send: (block: OrderedBlock) => void | Promise<void>,
  ) {
    const budget = orderBudget(options.memoryBytes)
    this.arena = new RecordArena(budget.arenaRows)
    this.heapBytes = budget.heapBytes
    this.spillRows = budget.spillRows
    this.ids = new IdTable(budget.idTableBytes, options.expectedRecords)
    this.digests = new Digests(this.arena)
    this.encoder = new NativeEncoder(options.columns)
    this.passes = recordFilter(options.filter)
    this.tally = new Tally(options.columns)
  }

  /** Takes the records of the arena, sends what is new among them, and empties it. Throws `disk_full` from spilling. */
  async accept(): Promise<RecordArena> {
    const { arena } = this
    const wanted = new Uint32Array(arena.rows)
    let n = 0
    for (let row = 0; row < arena.rows; row++) {
      this.counts.accepted++
      const verdict = this.passes(arena, row)
      if (verdict === 'kept') wanted[n++] = row
      else this.counts[verdict]++
    }
    await this.takeRows(wanted.subarray(0, n))
    arena.reset()
    return arena
  }

  /** Sends what is left, spilled records included. */
  async finish(): Promise<OrderSummary> {
    if (this.arena.rows > 0) await this.accept()
    for (let range = this.waiting.pop(); range !== undefined; range = this.waiting.pop()) await this.takeRange(range)
    return this.summary()
  }

  /** What has been done so far. */
  summary(): OrderSummary {
    return {
      ...this.counts,
      conflictIds: Uint32Array.from(this.conflicts),
      minTsMs: this.minTsMs === Infinity ? null : this.minTsMs,
      maxTsMs: this.maxTsMs === -Infinity ? null : this.maxTsMs,
      spilledBytes: this.spilledBytes,
      tally: this.tally,
    }
  }

  /** Lets go what is on disk. Harmless when repeated, and after `finish`. */
  abort(): void {
    for (const range of this.waiting) range.remove()
    this.current?.remove()
    this.waiting = []
  }

  /** Sends records that are known to be new, such as the winners of conflicts, from an arena of their own. */
  async sendArena(arena: RecordArena): Promise<void> {
    await this.sendRows(arena, everyRow(arena), [])
  }

  private async takeRows(rows: Uint32Array): Promise<void> {
    const { arena, ids, digest, options } = this
    const fresh = new Uint32Array(rows.length)
    const copies: number[] = []
    let n = 0
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]
      const at = row * 4
      if (options.withheld?.has(arena.request_id, at)) {
        this.counts.withheld++
        continue
      }
      const hash = hashId(arena.request_id, at)
      const range = hash >>> 24
      if (range < this.low || range >= this.high) {
        this.waitingFor(range).pick(row)
        this.counts.spilledRows++
        continue
      }
      if (ids.full && this.high - this.low > 1) {
        this.putHalfAside()
        i--
        continue
      }
      this.digests.of(row, digest)
      const seen = ids.insert(arena.request_id, at, hash, digest)
      if (seen === 'new') fresh[n++] = row
      else if (seen === 'copy') copies.push(row)
      else for (let w = at; w < at + 4; w++) this.conflicts.push(arena.request_id[w])
    }
    for (const range of this.waiting) range.takePicked(arena)
    this.counts.copies += copies.length
    await this.sendRows(arena, fresh.subarray(0, n), copies)
  }

  private async sendRows(arena: RecordArena, fresh: Uint32Array, copies: readonly number[]): Promise<void> {
    const sorted = sortRows(arena, fresh)
    this.tally.add(arena, sorted)
    this.counts.sent += sorted.length
    const copied = copies.filter((row) => arena.evidence[row] !== 0 || arena.batch[row] !== 0)
    let rest: readonly number[] = copied
    for (let start = 0; start < sorted.length; ) {
      const end = this.endOfBlock(arena, sorted, start)
      await this.sendBlock(arena, sorted.subarray(start, end), rest)
      rest = []
      start = end
    }
    if (rest.length > 0) await this.sendBlock(arena, new Uint32Array(0), rest)
  }

  private async sendBlock(arena: RecordArena, rows: Uint32Array, copies: readonly number[]): Promise<void> {
    const ts = arena.ts_ms
    const [minTsMs, maxTsMs] = rows.length === 0 ? [0, 0] : [ts[rows[0]], ts[rows[rows.length - 1]]]
    if (rows.length > 0) {
      this.minTsMs = Math.min(this.minTsMs, minTsMs)
      this.maxTsMs = Math.max(this.maxTsMs, maxTsMs)
    }
    const { encode } = this.options
    await this.send({
      rows: rows.length,
      minTsMs,
      maxTsMs,
      native: encode && rows.length > 0 ? this.encoder.encode(arena, rows) : new Uint8Array(0),
      evidence: encode ? encodeEvidence(arena, joined(rows, copies)) : null,
    })
  }

  private endOfBlock(arena: RecordArena, sorted: Uint32Array, start: number): number {
    const day = (i: number) => Math.floor(arena.ts_ms[sorted[i]] / DAY_MS)
    if (day(sorted.length - 1) - day(start) < MOST_UTC_DAYS) return sorted.length
    let days = 1
    for (let i = start + 1; i < sorted.length; i++) if (day(i) !== day(i - 1) && ++days > MOST_UTC_DAYS) return i
    return sorted.length
  }

  private putHalfAside(): void {
    const middle = (this.low + this.high) >>> 1
    const range = new SpillRange(this.options.spoolDir, middle, this.high, this.spillRows)
    this.waiting.push(range)
    this.high = middle
    this.ids.remove(
      (hash) => hash >>> 24 >= middle,
      (entry) => {
        range.addMarker(entry)
      },
    )
  }

  private waitingFor(range: number): SpillRange {
    const found = this.waiting.find(({ low, high }) => range >= low && range < high)
    if (found === undefined) throw new Error(`no spill range for ${range}`)
    return found
  }

  /** A range from disk gets the table for itself, and goes the way that all records go. */
  private async takeRange(range: SpillRange): Promise<void> {
    this.current = range
    range.seal()
    this.low = range.low
    this.high = range.high
    this.ids.clear()
    for (const marker of range.readMarkers()) {
      const hash = hashId(marker, 0)
      if (this.ids.full && this.high - this.low > 1) this.putHalfAside()
      if (hash >>> 24 >= this.high) this.waitingFor(hash >>> 24).addMarker(marker)
      else this.ids.insert(marker, 0, hash, marker.subarray(4))
    }
    this.spilledBytes += range.bytes
    const { arena } = this
    for (const spilled of range.readRows()) {
      if (arena.rows + spilled.rows > arena.capacity) await this.takeArena()
      copyRows(spilled, everyRow(spilled), arena)
      if (arena.strings.heapUsed > this.heapBytes) await this.takeArena()
    }
    if (arena.rows > 0) await this.takeArena()
    range.remove()
  }

  /** Records that passed the filter before they were spilled. */
  private async takeArena(): Promise<void> {
    await this.takeRows(everyRow(this.arena))
    this.arena.reset()
  }
}

function everyRow(arena: RecordArena): Uint32Array {
  const rows = new Uint32Array(arena.rows)
  for (let row = 0; row < rows.length; row++) rows[row] = row
  return rows
}

function joined(rows: Uint32Array, more: readonly number[]): Uint32Array {
  if (more.length === 0) return rows
  const all = new Uint32Array(rows.length + more.length)
  all.set(rows)
  all.set(more, rows.length)
  return all
}
