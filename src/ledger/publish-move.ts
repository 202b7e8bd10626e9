import type { FieldName } from '../domain/record.js'
import { antiJoin } from './anti-join.js'
import { literal } from './identifiers.js'
import type { Ledger } from './ledger.js'
import { countRows } from './staged-counts.js'
import type { StagedPartition, Staging } from './staging.js'

export interface MoveOptions {
  readonly ledger: Ledger
  readonly staging: Staging
  readonly columns: readonly FieldName[]
}

/**
 * Moves what `usage` has not yet of a staged partition, in milliseconds and without firing a view. Whatever cut an earlier
 * call short, this one looks first. `alone`: nobody else can have written since the last look.
 */
export async function movePartition(
  { ledger, staging, columns }: MoveOptions,
  partition: Pick<StagedPartition, 'partitionId' | 'minTsMs' | 'maxTsMs'>,
  alone: boolean,
): Promise<void> {
  const { partitionId } = partition
  if (!alone) {
    await antiJoin(ledger, { staging, partition, columns })
    if ((await countRows(ledger, staging.tableName, partitionId)) === 0) return
    // A column that obleth added meanwhile makes the move fail.
    await staging.followUsage()
  }
  await ledger.command(
    `ALTER TABLE ${ledger.table(staging.tableName)} MOVE PARTITION ID ${literal(partitionId)}
     TO TABLE ${ledger.table('usage')}`,
  )
}
