import { addSums, type Sums } from '../domain/rollup.js'
import { groupKey, type RawSums } from './drift.js'
import { literal } from './identifiers.js'
import type { Ledger } from './ledger.js'
import { type RollupShape, type SumsRow, selectSums, sumsOf } from './rollup-shape.js'
import { IDS_TABLE, portion, portionsFor } from './run-tables.js'

interface GroupRow extends SumsRow {
  tenant: string
  key: string
  model: string
}

const GROUP = 'toString(tenant_id) AS tenant, toString(key_id) AS key, model'

export interface NewRows {
  /** Sums of those that the rollup must count in the end, group by group (N). */
  readonly groups: Map<string, RawSums>
  /** Their number by tenant, benchmark rows included. */
  readonly tenants: ReadonlyMap<string, number>
}

/** Where the evidence about the staged records of one run stands. */
export class Evidence {
  constructor(
    private readonly ledger: Ledger,
    private readonly shape: RollupShape,
    private readonly runId: string,
    private readonly staging: { readonly tableName: string; readonly evidenceTableName: string },
  ) {}

  /** What the partition's new rows are, in one pass over them. */
  async newRows(partitionId: string): Promise<NewRows> {
    const groups = new Map<string, RawSums>()
    const tenants = new Map<string, number>()
    const sql = `SELECT ${GROUP}, ${this.shape.counts} AS counting, toString(count()) AS rows, ${selectSums(this.shape)}
      FROM ${this.ledger.table(this.staging.tableName)} WHERE _partition_id = ${literal(partitionId)}
      GROUP BY tenant_id, key_id, model, counting`
    for await (const portion of this.ledger.stream<GroupRow & { counting: number; rows: string }>(sql))
      for (const row of portion) {
        const { tenant, key, model } = row
        if (row.counting === 1) groups.set(groupKey(row), { tenant, key, model, sums: sumsOf(row) })
        tenants.set(tenant, (tenants.get(tenant) ?? 0) + Number(row.rows))
      }
    return { groups, tenants }
  }

  /** Sums of those of them that were acknowledged, or that an earlier run of ours published (E). */
  async acknowledged(partitionId: string): Promise<Map<string, Sums>> {
    const found = new Map<string, Sums>()
    const [{ ids }] = await this.ledger.rows<{ ids: string }>(
      `SELECT (SELECT count() FROM ${this.evidenceTable} WHERE acknowledged = 1) +
        (SELECT count() FROM ${this.ledger.table(IDS_TABLE)} WHERE run != ${literal(this.runId)}) AS ids`,
    )
    if (ids === '0') return found
    const portions = portionsFor(Number(ids))
    for (let i = 0; i < portions; i++) {
      const sql = `SELECT ${GROUP}, ${selectSums(this.shape)} FROM ${this.ledger.table(this.staging.tableName)}
        WHERE ${this.counting(partitionId)} AND ${portion(i, portions)}
          AND request_id IN (${this.acknowledgedIds(portion(i, portions))})
        GROUP BY tenant_id, key_id, model`
      for await (const rows of this.ledger.stream<GroupRow>(sql))
        for (const row of rows) {
          const before = found.get(groupKey(row))
          found.set(groupKey(row), before === undefined ? sumsOf(row) : addSums(before, sumsOf(row)))
        }
    }
    return found
  }

  /** Sums of the new rows of each candidate batch, without acknowledged ones, group by group (X). */
  async batches(partitionId: string): Promise<Map<string, Map<number, Sums>>> {
    const found = new Map<string, Map<number, Sums>>()
    const [{ any }] = await this.ledger.rows<{ any: string }>(
      `SELECT count() AS any FROM ${this.evidenceTable} WHERE batch != 0`,
    )
    if (any === '0') return found
    const candidates = `request_id IN (SELECT request_id FROM ${this.evidenceTable} WHERE batch != 0)`
    // Two copies of one file name the same batch twice: the smaller number stands for both.
    const sql = `SELECT ${GROUP}, candidate, ${selectSums(this.shape)}
      FROM (SELECT * FROM ${this.ledger.table(this.staging.tableName)}
        WHERE ${this.counting(partitionId)} AND ${candidates}
          AND request_id NOT IN (${this.acknowledgedIds(candidates)})) AS rows
      INNER JOIN (SELECT request_id, min(batch) AS candidate FROM ${this.evidenceTable}
        WHERE batch != 0 GROUP BY request_id) AS batches USING (request_id)
      GROUP BY tenant_id, key_id, model, candidate`
    for await (const rows of this.ledger.stream<GroupRow & { candidate: number }>(sql))
      for (const row of rows) {
        const group = found.get(groupKey(row)) ?? new Map<number, Sums>()
        group.set(Number(row.candidate), sumsOf(row))
        found.set(groupKey(row), group)
      }
    return found
  }

  private get evidenceTable(): string {
    return this.ledger.table(this.staging.evidenceTableName)
  }

  private counting(partitionId: string): string {
    return `_partition_id = ${literal(partitionId)} AND ${this.shape.counts}`
  }

  private acknowledgedIds(where: string): string {
    return `SELECT request_id FROM ${this.evidenceTable} WHERE acknowledged = 1 AND ${where}
      UNION ALL SELECT request_id FROM ${this.ledger.table(IDS_TABLE)} WHERE run != ${literal(this.runId)} AND ${where}`
  }
}
