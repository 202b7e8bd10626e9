import { randomUUID } from 'node:crypto'
import pLimit from 'p-limit'
import { LedgerError } from '../domain/errors.js'
import { identifier, literal } from './identifiers.js'
import { insertExactly, type Parts } from './insert-exactly.js'
import type { Ledger, NativeInsert } from './ledger.js'
import type { Patience } from './patiently.js'
import { DURABLE } from './settings.js'
import { PARTITION_KEY } from './usage-columns.js'

/** A file of Native-format blocks on this machine. */
export interface NativeFile extends Pick<NativeInsert, 'file' | 'bytes' | 'columns'> {
  readonly rows: number
}

/** What goes into staging at once: at most 100 server days, at most a million rows (ClickHouse cuts larger inserts). */
export interface StagingBlock {
  /** Records, columns as in `usage`; null where only evidence about copies is left. */
  readonly data: NativeFile | null
  /** request_id UUID, acknowledged UInt8, batch UInt32 of the records that have evidence; null where none has. */
  readonly evidence: NativeFile | null
}

/** A partition of staging, which becomes a partition of `usage`. Times are unix ms, both inclusive. */
export interface StagedPartition {
  readonly partitionId: string
  readonly rows: number
  readonly minTsMs: number
  readonly maxTsMs: number
  /** The server's day of its first record, YYYY-MM-DD. */
  readonly day: string
}

/**
 * A run's own tables beside `usage`: the records to be published and what is known of their earlier acknowledgement.
 * Nobody else writes there, so every insert can be checked by what it left behind.
 */
export class Staging {
  readonly tableName: string
  readonly evidenceTableName: string
  /** The ids that the anti-join took out of staging: with those that are left, all that was verified. */
  readonly knownTableName: string
  private readonly oneAtATime = pLimit(1)
  private generation = newGeneration()
  private blocks = 0
  /** The parts of each table when its last insert was done: nobody else changes them. */
  private readonly parts = new Map<string, Parts>()

  constructor(
    private readonly ledger: Ledger,
    readonly runId: string,
    private readonly patience: Patience = UNHEARD,
  ) {
    this.tableName = `usage_replay_${runId}`
    this.evidenceTableName = `${this.tableName}_evidence`
    this.knownTableName = `${this.tableName}_known`
  }

  /**
   * Makes the tables anew; what an earlier generation left is dropped. Staging is a copy of `usage` without its TTL,
   * which would eat old records, with a deduplication window of its own. Its parts are compact and never merged: a
   * failed insert can be taken back part by part, and the merging is left to `usage`. Where `usage` is of another engine,
   * it is a MergeTree of the same columns on the server that answers: rows are inserted from there.
   * Throws `refused` where there is no `usage`.
   */
  async create(): Promise<void> {
    const usage = await this.usageTable()
    await this.drop()
    this.generation = newGeneration()
    this.blocks = 0
    this.parts.clear()
    const staging = this.ledger.table(this.tableName)
    const engine = usage.plain ? '' : ` ENGINE = MergeTree PARTITION BY ${PARTITION_KEY} ORDER BY (tenant_id, ts_ms)`
    await this.ledger.command(`CREATE TABLE ${staging} AS ${this.ledger.table('usage')}${engine}`)
    if (usage.hasTtl) await this.ledger.command(`ALTER TABLE ${staging} REMOVE TTL`)
    await this.ledger.command(
      `ALTER TABLE ${staging} MODIFY SETTING non_replicated_deduplication_window = 10000, ` +
        `min_bytes_for_wide_part = 1000000000, max_bytes_to_merge_at_max_space_in_pool = 1, ${DURABLE}`,
    )
    await this.ledger.command(
      `CREATE TABLE ${this.ledger.table(this.evidenceTableName)} ` +
        '(request_id UUID, acknowledged UInt8, batch UInt32) ENGINE = MergeTree ORDER BY request_id ' +
        `SETTINGS non_replicated_deduplication_window = 10000, max_bytes_to_merge_at_max_space_in_pool = 1, ${DURABLE}`,
    )
    await this.ledger.command(
      `CREATE TABLE ${this.ledger.table(this.knownTableName)} (partition_id String, request_id UUID)
       ENGINE = MergeTree ORDER BY (partition_id, request_id) SETTINGS ${DURABLE}`,
    )
  }

  /**
   * Puts a block there exactly once, or throws: `target_unreachable` after bounded retries, `disk_full`,
   * `access_denied`, `target_failed`. Calls may overlap; the inserts themselves run one after another.
   */
  async insertBlock({ data, evidence }: StagingBlock): Promise<void> {
    const token = `${this.runId}-${this.generation}-${this.blocks++}`
    await this.oneAtATime(async () => {
      if (data !== null) await this.insert(this.tableName, data, token)
      if (evidence !== null) await this.insert(this.evidenceTableName, evidence, token)
    })
  }

  /** The partitions that hold rows, in order of time. */
  async partitions(): Promise<StagedPartition[]> {
    const rows = await this.ledger.rows<Record<keyof StagedPartition, string>>(
      `SELECT _partition_id AS partitionId, toString(count()) AS rows, toString(min(ts_ms)) AS minTsMs,
         toString(max(ts_ms)) AS maxTsMs, toString(toDate(fromUnixTimestamp64Milli(min(ts_ms)))) AS day
       FROM ${this.ledger.table(this.tableName)} GROUP BY _partition_id ORDER BY min(ts_ms)`,
    )
    return rows.map((row) => ({
      partitionId: row.partitionId,
      rows: Number(row.rows),
      minTsMs: Number(row.minTsMs),
      maxTsMs: Number(row.maxTsMs),
      day: row.day,
    }))
  }

  /**
   * Gives staging the columns that `usage` got since staging was made: partitions only move between equal tables.
   * Returns their names.
   */
  async followUsage(): Promise<string[]> {
    const columns = await this.ledger.rows<{ name: string; type: string; kind: string; expression: string }>(
      `SELECT name, type, default_kind AS kind, default_expression AS expression FROM system.columns
       WHERE database = ${literal(this.ledger.database)} AND table = 'usage' AND name NOT IN (
         SELECT name FROM system.columns
         WHERE database = ${literal(this.ledger.database)} AND table = ${literal(this.tableName)})
       ORDER BY position`,
    )
    for (const { name, type, kind, expression } of columns)
      await this.ledger.command(
        `ALTER TABLE ${this.ledger.table(this.tableName)} ADD COLUMN ${identifier(name)} ${type} ${kind} ${expression}`,
      )
    return columns.map(({ name }) => name)
  }

  /** Drops the run's tables. Harmless where they are gone. */
  async drop(): Promise<void> {
    // Servers refuse to drop tables above 50 GB by default.
    const anySize = this.ledger.settings({ max_table_size_to_drop: 0, max_partition_size_to_drop: 0 })
    for (const name of [this.tableName, this.evidenceTableName, this.knownTableName])
      await this.ledger.command(`DROP TABLE IF EXISTS ${this.ledger.table(name)} SYNC ${anySize}`)
  }

  /**
   * The token names the block, its table's generation and, further down, the attempt: no two inserts share one. A hash of
   * the bytes would add nothing to that, and cost a seventh of the whole command's work.
   */
  private async insert(table: string, block: NativeFile, token: string): Promise<void> {
    const last = this.parts.get(table)
    this.parts.delete(table)
    this.parts.set(table, await insertExactly(this.ledger, { table, ...block, token }, this.patience, last))
  }

  private async usageTable(): Promise<{ plain: boolean; hasTtl: boolean }> {
    const [usage] = await this.ledger.rows<{ engine: string; engine_full: string }>(
      `SELECT engine, engine_full FROM system.tables WHERE database = ${literal(this.ledger.database)} AND name = 'usage'`,
    )
    if (usage === undefined)
      throw new LedgerError('refused', 'the table `usage` does not exist', { place: this.ledger.location })
    const plain = usage.engine === 'MergeTree'
    return { plain, hasTtl: plain && / TTL /.test(usage.engine_full) }
  }
}

/** The staging tables that are there, with their runs. */
export async function stagingTables(ledger: Ledger): Promise<{ runId: string; rows: number; bytes: number }[]> {
  const rows = await ledger.rows<{ name: string; rows: string; bytes: string }>(
    `SELECT name, toString(ifNull(total_rows, 0)) AS rows, toString(ifNull(total_bytes, 0)) AS bytes FROM system.tables
     WHERE database = ${literal(ledger.database)} AND match(name, '^usage_replay_r[0-9a-z]+$') ORDER BY name`,
  )
  return rows.map(({ name, rows, bytes }) => ({
    runId: name.slice('usage_replay_'.length),
    rows: Number(rows),
    bytes: Number(bytes),
  }))
}

const UNHEARD: Patience = { emit() {}, signal: new AbortController().signal }

const newGeneration = () => randomUUID().slice(0, 8)
