import { DAY_MS, type FieldName } from '../domain/record.js'
import { literal } from './identifiers.js'
import type { Ledger } from './ledger.js'
import { portion, portionsFor } from './run-tables.js'
import type { StagedPartition, Staging } from './staging.js'

/** What WAL files hold, staged beside `usage` to be compared with it; the evidence of each record names its pod, from 1. */
export interface StagedWal {
  readonly ledger: Ledger
  readonly staging: Pick<Staging, 'tableName' | 'evidenceTableName'>
  readonly partitions: readonly StagedPartition[]
  readonly columns: readonly FieldName[]
  readonly pods: readonly string[]
}

/** Where the rows of one portion of a staged partition stand: each follows FROM and takes further conditions. */
export interface WalPortion {
  /** Rows of `usage` within a day around the partition's. */
  readonly usage: string
  readonly staged: string
  /** The statement that gives a record's first pod, and whether a checkpoint acknowledged it. */
  readonly origin: string
  /** The statement that gives every pod that holds a record. */
  readonly holders: string
}

/** The portions of all partitions: as many ids as may be in the target's memory at once. */
export async function* walPortions({ ledger, staging, partitions }: StagedWal): AsyncIterable<WalPortion> {
  for (const { partitionId, rows, minTsMs, maxTsMs } of partitions) {
    const near = `${ledger.table('usage')} WHERE ts_ms >= ${minTsMs - DAY_MS} AND ts_ms <= ${maxTsMs + DAY_MS}`
    const [{ inLedger }] = await ledger.rows<{ inLedger: string }>(`SELECT count() AS inLedger FROM ${near}`)
    const portions = portionsFor(Math.max(rows, Number(inLedger)))
    const evidence = (i: number) => `${ledger.table(staging.evidenceTableName)} WHERE ${portion(i, portions)}`
    for (let i = 0; i < portions; i++)
      yield {
        usage: `${near} AND ${portion(i, portions)}`,
        staged: `${ledger.table(staging.tableName)} WHERE _partition_id = ${literal(partitionId)} AND ${portion(i, portions)}`,
        origin: `SELECT request_id, min(batch) AS pod, max(acknowledged) AS acknowledged
          FROM ${evidence(i)} GROUP BY request_id`,
        holders: `SELECT DISTINCT request_id, batch AS pod FROM ${evidence(i)}`,
      }
  }
}
