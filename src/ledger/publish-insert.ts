import { randomUUID } from 'node:crypto'
import { LedgerError } from '../domain/errors.js'
import type { FieldName } from '../domain/record.js'
import { sameIntegers } from '../domain/rollup.js'
import { MEMORY_LIMIT_EXCEEDED, serverCode } from './adapt-error.js'
import { antiJoin } from './anti-join.js'
import { dayOf } from './drift.js'
import { Evidence } from './evidence.js'
import { identifier, literal } from './identifiers.js'
import type { Ledger } from './ledger.js'
import type { TargetLock } from './lock.js'
import { planGroups } from './publish-plan.js'
import type { BatchVerdicts } from './rollup-rule.js'
import type { RollupShape } from './rollup-shape.js'
import { insertSettings } from './settings.js'
import { settled } from './settled.js'
import { countRows } from './staged-counts.js'
import type { StagedPartition, Staging } from './staging.js'

export interface InsertOptions {
  readonly ledger: Ledger
  readonly staging: Staging
  readonly lock: TargetLock
  readonly columns: readonly FieldName[]
  readonly signal: AbortSignal
}

const ROWS_AT_ONCE = 500_000
/** A server whose memory does not take even so many rows takes none. */
const FEWEST_AT_ONCE = 10_000

/**
 * Inserts what `usage` has not yet of a staged partition, in blocks ordered by (ts_ms, request_id), through the views. The
 * anti-join before each block takes the one before it out of staging: it says what of that has arrived, whatever its
 * insert said, and staging holds what is still to be inserted. So a call that was cut short is simply made again. One
 * whose statement still runs on the server, also of a command that was killed, is waited for first. Whether the view has
 * counted a block that was cut short is for the settling of the rollup to see.
 *
 * A statement that a proxy holds back and delivers later takes from staging what is there by then, so it finds nothing
 * that `usage` has, unless it comes between a block and the look behind it: then copies arise, which the look removes.
 * Throws `verification_failed` where an insert succeeds and its rows are not there to be seen: it is never repeated then.
 */
export async function insertPartition(
  { ledger, staging, lock, columns, signal }: InsertOptions,
  partition: Pick<StagedPartition, 'partitionId' | 'minTsMs' | 'maxTsMs'>,
): Promise<void> {
  const { partitionId } = partition
  const name = `${staging.tableName}-`
  let size = ROWS_AT_ONCE
  let inserted: { readonly left: number } | undefined
  for (;;) {
    await settled(ledger, signal, name)
    await antiJoin(ledger, { staging, partition, columns })
    const left = await countRows(ledger, staging.tableName, partitionId)
    if (left === 0) return
    if (inserted !== undefined && left >= inserted.left) throw notSeen(ledger, partitionId, left)
    signal.throwIfAborted()
    await lock.assertHeld()
    try {
      const token = randomUUID()
      await ledger.command(insertBlock(ledger, staging.tableName, partitionId, columns, size, token), {}, name + token)
      inserted = { left }
    } catch (error) {
      if (serverCode(error) !== MEMORY_LIMIT_EXCEEDED || size <= FEWEST_AT_ONCE) throw error
      size = Math.floor(size / 4)
      inserted = undefined
    }
  }
}

/** One part and one block for the views, in the order of its rows; a view that fails makes the insert fail. */
function insertBlock(
  ledger: Ledger,
  staging: string,
  partitionId: string,
  columns: readonly FieldName[],
  rows: number,
  token: string,
): string {
  const names = columns.map(identifier).join(', ')
  const settings = ledger.settings({
    ...insertSettings(token),
    max_insert_threads: 1,
    min_insert_block_size_rows: rows,
    min_insert_block_size_bytes: 0,
    materialized_views_ignore_errors: 0,
    parallel_distributed_insert_select: 0,
  })
  return `INSERT INTO ${ledger.table('usage')} (${names}) ${settings}
    SELECT ${names} FROM ${ledger.table(staging)} WHERE _partition_id = ${literal(partitionId)}
    ORDER BY ts_ms, request_id LIMIT ${rows}`
}

export interface RefusalOptions {
  readonly ledger: Ledger
  readonly staging: Staging
  readonly shape: RollupShape | null
}

/**
 * Throws `refused` where the rollup has counted rows already that are about to be inserted: the view would count them
 * again. The rollup would be put right behind each day, as after any insert, but bills, limits and other views that read
 * or sum meanwhile would see it doubled, and other views stay so. --repair-rollup, which allows the rollup to be corrected
 * beyond what is new, allows this too. Asked for all days before the first of them is planned.
 */
export async function refuseCounted(
  { ledger, staging, shape }: RefusalOptions,
  partitions: readonly StagedPartition[],
  verdicts: BatchVerdicts,
): Promise<void> {
  if (shape === null) return
  const evidence = new Evidence(ledger, shape, staging.runId, staging)
  for (const { partitionId } of partitions) {
    if ((await countRows(ledger, staging.tableName, partitionId)) === 0) continue
    const { groups } = await planGroups(ledger, shape, evidence, partitionId, verdicts)
    const counted = groups.filter(({ before, remain }) => !sameIntegers(before, remain))
    if (counted.length > 0)
      throw new LedgerError(
        'refused',
        `usage_daily has counted, or may have counted, records that are about to be inserted: ${counted.length} groups of ${dayOf(partitionId)}`,
        {
          place: `${ledger.location}, ${ledger.database}.usage_daily`,
          hint: 'move them, which fires no view, with --publish move where the engine allows it; or let the view count them again and usage_daily be corrected behind it, with --repair-rollup',
        },
      )
  }
}

function notSeen(ledger: Ledger, partitionId: string, rows: number): LedgerError {
  return new LedgerError('verification_failed', `rows were inserted and are not there to be seen: ${rows} are left`, {
    place: `${ledger.location}, ${ledger.database}.usage, partition ${partitionId}`,
    hint: 'name one server and no load balancer with --clickhouse-url, wait until the replicas agree, then run the same command again',
  })
}
