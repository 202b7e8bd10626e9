import { BAD_LINES, tornPrefix, withNullCost } from './damage.js'
import { asWrittenBy, GENERATIONS, type Generation, lineOf, respelled } from './line.js'
import type { TreeOptions } from './options.js'
import type { Population } from './population.js'
import type { Random } from './random.js'
import { makeRecord } from './record.js'
import type { Tally } from './tally.js'
import { WalFile, type WrittenRecord } from './wal-file.js'

const DAY_MS = 86_400_000
/** Records of which copies are drawn: enough that copies stand far apart, over pods and segments. */
const COPYABLE = 8_192

/** What the pods of one tree have in common. */
export interface Shared {
  readonly root: string
  readonly options: TreeOptions
  readonly random: Random
  readonly tally: Tally
  readonly population: Population
  /** A fair sample of what was written so far. */
  readonly copyable: WrittenRecord[]
}

/** Writes the WAL of one pod: legacy file, segments, checkpoints and `.corrupt` files. */
export class PodWriter {
  private readonly legacyRecords: number
  private written = 0
  /** Mean length of this pod's lines so far, for closing segments in time. */
  private lineBytes = 600

  constructor(
    private readonly shared: Shared,
    private readonly pod: string,
    legacy: boolean,
    private readonly records: number,
  ) {
    this.legacyRecords = legacy ? Math.floor(records * shared.options.legacyShare) : 0
  }

  write(): void {
    const { options, random } = this.shared
    if (this.legacyRecords > 0) this.writeFile('telemetry.wal', this.legacyRecords, Number.POSITIVE_INFINITY, false)
    while (this.written < this.records)
      this.writeFile(this.segmentName(), this.records, options.segmentBytes, !random.chance(options.withoutBlanks))
    for (let i = 0; i < options.corruptFiles; i++) this.writeCorrupt()
  }

  /** One file of whole batches. `until`: records of this pod after which it ends. */
  private writeFile(name: string, until: number, maxBytes: number, blanks: boolean): void {
    const { options, random } = this.shared
    const file = this.open(name)
    const checkpoint = random.chance(options.checkpoints)
    const before = this.written
    let acknowledged = 0
    while (this.written < until) {
      const batch = Math.min(random.between(1, options.batchRecords), until - this.written)
      if (file.bytes > 0 && file.bytes + batch * this.lineBytes * 1.1 > maxBytes) break
      for (let i = 0; i < batch && file.bytes < maxBytes; i++) this.writeSlot(file)
      if (blanks) file.blank()
      if (acknowledged === 0 || random.chance(0.3)) acknowledged = file.bytes
      this.lineBytes = file.bytes / (this.written - before)
    }
    if (random.chance(options.damage * 10)) file.tornTail(this.lostPrefix())
    file.close(checkpoint ? acknowledged : undefined)
  }

  /** One record, or a copy, perhaps with something wrong about it. */
  private writeSlot(file: WalFile): void {
    const { copyable, options, random } = this.shared
    this.written++
    const copy = copyable.length > 0 && random.chance(options.duplicates)
    const written = copy ? random.pick(copyable) : this.make()
    const kind = random.chance(options.damage) ? random.between(0, BAD_LINES.length + 2) : undefined
    // Not to be copied: a record with a repaired value differs from its copies.
    if (kind === 0 && !copy) {
      file.record(withNullCost(written))
      return
    }
    if (!copy) this.remember(written)
    if (kind === 1) file.recordBehind(this.lostPrefix(), 'json_syntax', written, copy)
    else if (kind === 2) file.recordBehind(Buffer.alloc(random.between(1, 600)), 'nul_bytes', written, copy)
    else {
      if (kind !== undefined && kind > 2) {
        const bad = BAD_LINES[kind - 3]
        file.rejected(bad.of(this.make().line), bad.reason)
      }
      file.record(written, copy)
    }
  }

  /** Lines that obleth moved aside: one that no reader takes, and one that stands elsewhere as well. */
  private writeCorrupt(): void {
    const { copyable, random } = this.shared
    const file = this.open(`${this.segmentName()}.corrupt`)
    const bad = random.pick(BAD_LINES)
    file.rejected(bad.of(this.make().line), bad.reason)
    if (copyable.length > 0) file.record(random.pick(copyable), true)
    file.close()
  }

  /** The beginning of a record that is nowhere else. */
  private lostPrefix(): Buffer {
    return tornPrefix(this.make().line, 0.1 + this.shared.random.unit() * 0.8)
  }

  /** A new record at this pod's place in time. */
  private make(): WrittenRecord {
    const { options, population, random } = this.shared
    const span = options.days * DAY_MS
    const inOrder = (this.written / this.records) * span
    const late = (random.unit() * 2 - 1) * options.disorderMs
    const tsMs = options.startMs + Math.floor(Math.min(Math.max(inOrder + late, 0), span - 1))
    const generation = this.generation()
    const record = asWrittenBy(makeRecord(random, population, options, tsMs), generation)
    const line = lineOf(record, generation)
    return { record, generation, line: random.chance(options.respelled) ? respelled(line) : line }
  }

  /** The release that ran at this pod's place in time. */
  private generation(): Generation {
    const parts = this.shared.options.generations
    const sum = GENERATIONS.reduce((all, name) => all + parts[name], 0)
    let left = (this.written / this.records) * sum
    for (const name of GENERATIONS) {
      left -= parts[name]
      if (left < 0) return name
    }
    return GENERATIONS.findLast((name) => parts[name] > 0) ?? 'current'
  }

  private remember(written: WrittenRecord): void {
    const { copyable, random, tally } = this.shared
    if (copyable.length < COPYABLE) copyable.push(written)
    else if (random.chance(COPYABLE / (tally.records.unique + 1))) copyable[random.between(0, COPYABLE - 1)] = written
  }

  private segmentName(): string {
    const { options, random } = this.shared
    const ms = options.startMs + Math.floor((this.written / this.records) * options.days * DAY_MS)
    const ns = String(random.between(0, 999_999)).padStart(6, '0')
    return `telemetry.wal.segments/${`${ms}${ns}`.padStart(20, '0')}-${random.uuid()}.jsonl`
  }

  private open(name: string): WalFile {
    return new WalFile(this.shared.root, this.pod, name, this.shared.tally)
  }
}
