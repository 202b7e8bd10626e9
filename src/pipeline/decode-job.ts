import { Decoder, type FileCounts, QuarantineFile } from '../decode/index.js'
import type { RecordArena } from '../domain/arena.js'
import { noLines } from '../domain/counts.js'
import type { OpenWalFile, QuarantineEntry, WalFile, Warning } from '../domain/wal.js'
import {
  ConflictResolver,
  idsInConflict,
  type OrderedBlock,
  Orderer,
  recordFilter,
  spansFewDays,
} from '../order/index.js'
import { readFiles } from '../sources/index.js'
import type { DecodeResult, DecodeTask, PodCounts, SpooledFile } from './decode-messages.js'
import { JoinedBlocks } from './joined-blocks.js'
import { quarantineEntryOf } from './quarantine-entry.js'
import { TenantCounts } from './tenant-counts.js'

/** Where the job hands its blocks, and what stops it. */
export interface DecodeOutlet {
  /** Resolves when fewer than MOST_OUTSTANDING are on their way; the files are the receiver's until it has taken them. */
  block(data: SpooledFile | null, evidence: SpooledFile | null): Promise<void>
  progress(bytes: number, records: number): void
  /** Aborts, for the reason that the job then fails with, where it shall stop. */
  readonly signal: AbortSignal
}

const PROGRESS_MS = 200
/** A typical line. */
const BYTES_PER_RECORD = 525
/** So many arenas' rows, or bytes, are worth an INSERT: two blocks. Three or four took as long, and more memory. */
const ENOUGH_ARENAS = 1.5
const ENOUGH_BYTES = 24 << 20
/** So much evidence is worth one: a small INSERT costs the engine as much as a large one. */
const ENOUGH_EVIDENCE_BYTES = 2 << 20

/** Reads, decodes and orders all files of a task; runs in a thread of its own, which owns all of its state. */
export class DecodeJob {
  private readonly orderer: Orderer
  private readonly decoder: Decoder
  private readonly quarantine: QuarantineFile
  private readonly resolver: ConflictResolver | null
  private readonly pods = new Map<string, PodCounts>()
  private readonly tenants = new TenantCounts()
  private readonly lines = noLines()
  private readonly totals = { decoded: 0, repaired: 0, salvaged: 0, bytes: 0, alreadyQuarantinedLines: 0 }
  private readonly warnings: Warning[] = []
  private readonly unreadable: { path: string; reason: string }[] = []
  private readonly growing = new Set<string>()
  private unusable = 0
  private readonly data: JoinedBlocks
  private readonly evidence: JoinedBlocks
  /** Of the rows in `data`, unix ms. */
  private dataFromMs = 0
  private dataToMs = 0
  private orderMs = 0
  private readMs = 0
  private waitedMs = 0
  private reported = 0
  private current: WalFile | null = null

  constructor(
    private readonly task: DecodeTask,
    private readonly outlet: DecodeOutlet,
  ) {
    const { conflictIds, spoolDir } = task
    this.data = new JoinedBlocks(spoolDir, 'block')
    this.evidence = new JoinedBlocks(spoolDir, 'evidence')
    const withheld = conflictIds.length === 0 ? undefined : idsInConflict(conflictIds)
    this.resolver = withheld === undefined ? null : new ConflictResolver(withheld)
    const filter = {
      sinceMs: task.sinceMs,
      untilMs: task.untilMs,
      tenants: task.tenants,
      dropBeforeMs: task.dropBeforeMs,
    }
    this.orderer = new Orderer(
      {
        memoryBytes: task.memoryBytes,
        spoolDir,
        columns: task.columns,
        filter,
        encode: task.encode,
        expectedRecords: task.files.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0) / BYTES_PER_RECORD,
        ...(withheld === undefined ? {} : { withheld }),
      },
      (block) => this.hand(block),
    )
    this.quarantine = new QuarantineFile(task.quarantinePath)
    const passes = recordFilter(filter)
    this.decoder = new Decoder(
      { nowMs: task.nowMs, acceptFuture: task.acceptFuture, origins: task.origins },
      {
        kernel: this.orderer.kernel,
        full: () => this.order(),
        quarantine: (entry) => this.reject(entry),
        ...(this.resolver === null ? {} : { record: this.resolve(this.resolver, passes) }),
      },
    )
  }

  async run(): Promise<DecodeResult> {
    const started = performance.now()
    try {
      for await (const open of this.timed(readFiles(this.task.files, this.outlet.signal, this.orderer.kernel.input))) {
        await this.decodeFile({ ...open, chunks: this.timed(open.chunks) })
      }
      // The last arena goes the way of all others, so that whatever looks at arenas sees every record.
      if (this.orderer.kernel.arena.rows > 0) await this.order()
      const ordering = performance.now()
      await this.orderer.finish()
      const settled = this.resolver?.settle()
      if (settled !== undefined && settled.winners.rows > 0) await this.orderer.sendArena(settled.winners)
      await this.send(this.data.take(), this.evidence.take())
      this.orderMs += performance.now() - ordering
      const summary = this.orderer.summary()
      return {
        lines: this.lines,
        ...this.totals,
        duplicates: summary.copies + (settled?.counts.copies ?? 0),
        conflicts: settled?.counts.losing ?? 0,
        filteredOut: summary.filtered,
        expired: summary.expired,
        sent: summary.sent,
        unusable: this.unusable,
        quarantineEntries: this.quarantine.count,
        newConflictIds: summary.conflictIds,
        minTsMs: summary.minTsMs,
        maxTsMs: summary.maxTsMs,
        spilledRows: summary.spilledRows,
        unknownFields: this.decoder.unknownFields(),
        warnings: [...this.warnings, ...defaultsUsed(this.decoder.missingFields()), ...summary.wideColumns.map(wide)],
        unreadable: this.unreadable,
        growing: [...this.growing],
        pods: [...this.pods.values()],
        tenants: this.tenants.list(),
        tally: summary.tally,
        readMs: this.readMs,
        decodeMs: performance.now() - started - this.orderMs,
        orderMs: this.orderMs - this.waitedMs,
      }
    } finally {
      this.orderer.abort()
      this.quarantine.close()
      this.data.close()
      this.evidence.close()
    }
  }

  /** Counts the time until each comes: what is fetched while an earlier one is decoded costs none. */
  private async *timed<T>(comings: AsyncIterable<T>): AsyncIterable<T> {
    let asked = performance.now()
    for await (const coming of comings) {
      this.readMs += performance.now() - asked
      yield coming
      asked = performance.now()
    }
    this.readMs += performance.now() - asked
  }

  private async decodeFile(open: OpenWalFile): Promise<void> {
    const { file } = open
    this.current = file
    const before = this.unusable
    const counts = await this.decoder.decodeFile(open)
    this.addCounts(counts)
    this.warnings.push(...counts.warnings)
    const pod = this.podOf(file.pod)
    pod.files++
    pod.bytes += counts.bytes
    pod.records += counts.decoded
    pod.firstMs = lesser(pod.firstMs, counts.minTsMs, Math.min)
    pod.lastMs = lesser(pod.lastMs, counts.maxTsMs, Math.max)
    pod.damage += this.unusable - before + counts.lines.tornTails
    const problem = open.problem()
    if (problem?.kind === 'vanished' || problem?.kind === 'shrank')
      this.warnings.push({ class: problem.kind, message: problem.reason, path: file.path })
    else if (problem !== null) {
      this.unreadable.push({ path: file.path, reason: problem.reason })
      pod.damage++
    }
    if (open.grownBytes() > 0) {
      this.growing.add(file.pod)
      const message = `${open.grownBytes()} bytes came in while it was read: its pod is still running`
      this.warnings.push({ class: 'grew', message, path: file.path })
    }
    if (performance.now() - this.reported > PROGRESS_MS) {
      this.reported = performance.now()
      this.outlet.progress(this.totals.bytes, this.totals.decoded)
    }
  }

  private addCounts(counts: FileCounts): void {
    for (const key of Object.keys(this.lines) as (keyof typeof this.lines)[]) this.lines[key] += counts.lines[key]
    for (const key of Object.keys(this.totals) as (keyof typeof this.totals)[]) this.totals[key] += counts[key]
  }

  private async order(): Promise<void> {
    const started = performance.now()
    if (!this.task.encode) this.tenants.add(this.orderer.kernel.arena)
    await this.orderer.accept()
    this.orderMs += performance.now() - started
    this.outlet.signal.throwIfAborted()
  }

  private reject(entry: QuarantineEntry): void {
    if (entry.reason !== 'truncated_tail' && this.current?.kind !== 'corrupt') {
      this.unusable++
      this.podOf(entry.pod).quarantinedBytes += entry.length
    }
    this.quarantine.add(entry)
  }

  /** What the decoder tells of each record while some ids are known to be in conflict. */
  private resolve(resolver: ConflictResolver, passes: ReturnType<typeof recordFilter>) {
    return (
      file: WalFile,
      arena: RecordArena,
      row: number,
      place: { line: number; byteOffset: number; bytes: Uint8Array },
    ): void => {
      if (!resolver.ids.has(arena.request_id, row * 4) || passes(arena, row) !== 'kept') return
      if (resolver.take(arena, row)) this.quarantine.add(quarantineEntryOf(file, place))
    }
  }

  private async hand(block: OrderedBlock): Promise<void> {
    const { data, evidence } = this
    if (block.evidence !== null) evidence.append(block.evidence.bytes, block.evidence.rows)
    if (block.native.length > 0) await this.join(block)
    const enoughEvidence = evidence.bytes >= ENOUGH_EVIDENCE_BYTES
    if (enoughEvidence || data.rows >= ENOUGH_ARENAS * this.orderer.kernel.arena.capacity || data.bytes >= ENOUGH_BYTES)
      await this.send(data.take(), enoughEvidence ? evidence.take() : null)
  }

  private async join({ native, rows, minTsMs, maxTsMs }: OrderedBlock): Promise<void> {
    const { data } = this
    let [fromMs, toMs] = [Math.min(this.dataFromMs, minTsMs), Math.max(this.dataToMs, maxTsMs)]
    if (data.rows === 0 || !spansFewDays(fromMs, toMs)) {
      await this.send(data.take(), null)
      ;[fromMs, toMs] = [minTsMs, maxTsMs]
    }
    this.dataFromMs = fromMs
    this.dataToMs = toMs
    data.append(native, rows)
  }

  private async send(data: SpooledFile | null, evidence: SpooledFile | null): Promise<void> {
    if (data === null && evidence === null) return
    const started = performance.now()
    await this.outlet.block(data, evidence)
    this.waitedMs += performance.now() - started
  }

  private podOf(pod: string): PodCounts {
    const known = this.pods.get(pod)
    if (known !== undefined) return known
    const fresh = { pod, files: 0, bytes: 0, records: 0, firstMs: null, lastMs: null, damage: 0, quarantinedBytes: 0 }
    this.pods.set(pod, fresh)
    return fresh
  }
}

function lesser(a: number | null, b: number | null, pick: (a: number, b: number) => number): number | null {
  return a === null ? b : b === null ? a : pick(a, b)
}

/** Stored as it is; a gateway that writes a text of its own into each record makes such a column slow and large. */
function wide({ name, distinct }: { name: string; distinct: number }): Warning {
  return {
    class: 'wide_column',
    message: `${name} has more distinct values in one block than a LowCardinality column is made for`,
    count: distinct,
  }
}

function defaultsUsed(fields: readonly { name: string; count: number }[]): Warning[] {
  if (fields.length === 0) return []
  const names = fields.map(({ name, count }) => `${name} (${count})`).join(', ')
  const count = Math.max(...fields.map((field) => field.count))
  return [{ class: 'missing_fields', message: `records of older gateways took the defaults of ${names}`, count }]
}
