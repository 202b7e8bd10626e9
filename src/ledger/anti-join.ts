import { DAY_MS, type FieldName } from '../domain/record.js'
import { literal } from './identifiers.js'
import type { Ledger } from './ledger.js'
import { portion, portionsFor } from './run-tables.js'
import type { StagedPartition, Staging } from './staging.js'

/** What the ledger had of a staged partition already. */
export interface KnownRecords {
  readonly known: number
  /** Those of them whose values differ from the ledger's, which stays as it is. */
  readonly differing: number
  /** Some of their ids. */
  readonly examples: readonly string[]
}

export interface AntiJoinOptions {
  readonly staging: Pick<Staging, 'tableName' | 'knownTableName'>
  readonly partition: Pick<StagedPartition, 'partitionId' | 'minTsMs' | 'maxTsMs'>
  readonly columns: readonly FieldName[]
  /** Called before anything is deleted. */
  found?(known: KnownRecords): Promise<void>
}

const EXAMPLES = 5

/**
 * Takes out of a staged partition the records whose ids `usage` has within a day around them, whatever their values: what
 * stays can be moved without a copy arising. Must run before every move, also of a repeated one, since a move cut short
 * leaves rows on both sides. Their ids are noted first, and what is noted is removed: nothing leaves staging unaccounted for.
 */
export async function antiJoin(ledger: Ledger, options: AntiJoinOptions): Promise<void> {
  const { partitionId, minTsMs, maxTsMs } = options.partition
  const usage = ledger.table('usage')
  const staging = ledger.table(options.staging.tableName)
  const removed = ledger.table(options.staging.knownTableName)
  const near = `ts_ms >= ${minTsMs - DAY_MS} AND ts_ms <= ${maxTsMs + DAY_MS}`
  const here = `_partition_id = ${literal(partitionId)}`
  const [{ inLedger, staged }] = await ledger.rows<{ inLedger: string; staged: string }>(
    `SELECT (SELECT count() FROM ${usage} WHERE ${near}) AS inLedger,
       (SELECT count() FROM ${staging} WHERE ${here}) AS staged`,
  )
  if (inLedger === '0' || staged === '0') return
  const portions = portionsFor(Math.max(Number(inLedger), Number(staged)))
  const inUsage = (i: number) =>
    `request_id IN (SELECT request_id FROM ${usage} WHERE ${near} AND ${portion(i, portions)})`
  const values = `cityHash64(${options.columns.join(', ')})`
  let known = 0
  let differing = 0
  const examples: string[] = []
  const hits: number[] = []
  for (let i = 0; i < portions; i++) {
    const mine = `${here} AND ${portion(i, portions)} AND ${inUsage(i)}`
    const [row] = await ledger.rows<{ known: string; differing: string; examples: string[] }>(
      `SELECT count() AS known, countIf(differs) AS differing,
         groupArrayIf(${EXAMPLES})(toString(request_id), differs) AS examples
       FROM (SELECT request_id, (request_id, ${values}) NOT IN
           (SELECT request_id, ${values} FROM ${usage} WHERE ${near} AND ${portion(i, portions)}) AS differs
         FROM ${staging} WHERE ${mine})`,
    )
    known += Number(row.known)
    differing += Number(row.differing)
    examples.push(...row.examples)
    if (row.known !== '0') hits.push(i)
  }
  if (known === 0) return
  await options.found?.({ known, differing, examples: examples.slice(0, EXAMPLES) })
  for (const i of hits)
    await ledger.command(
      `INSERT INTO ${removed} (partition_id, request_id) ${ledger.settings({ async_insert: 0 })}
       SELECT ${literal(partitionId)}, request_id FROM ${staging} WHERE ${here} AND ${portion(i, portions)} AND ${inUsage(i)}`,
    )
  if (known === Number(staged)) {
    await ledger.command(`ALTER TABLE ${staging} DROP PARTITION ID ${literal(partitionId)}`)
    return
  }
  for (const i of hits)
    await ledger.command(
      `ALTER TABLE ${staging} DELETE IN PARTITION ID ${literal(partitionId)}
       WHERE ${portion(i, portions)} AND request_id IN (SELECT request_id FROM ${removed}
         WHERE partition_id = ${literal(partitionId)} AND ${portion(i, portions)}) SETTINGS mutations_sync = 2`,
    )
}
