import { LedgerError } from '../domain/errors.js'
import { dayOf } from './drift.js'
import type { Ledger } from './ledger.js'
import { recordStep } from './run-tables.js'
import type { Staging } from './staging.js'
import { holdsDoubled } from './surplus.js'

export interface NoteOptions {
  readonly ledger: Ledger
  readonly staging: Pick<Staging, 'runId'>
  /** For the note on its way to the target. */
  readonly spoolDir: string
}

/**
 * Notes a partition that holds records more than once, before what is known of it leaves staging: whatever interrupts the
 * publish, it tells of this in the end. Nobody inserts again into an embedded ledger.
 */
export async function noteDoubled({ ledger, staging, spoolDir }: NoteOptions, partitionId: string): Promise<boolean> {
  if (ledger.kind === 'embedded' || !(await holdsDoubled(ledger, partitionId))) return false
  await recordStep(ledger, spoolDir, staging.runId, { partitionId, step: 'doubled', payload: null })
  return true
}

/**
 * Why nothing new is published to a partition that holds records more than once: if a pod inserted some of these again
 * meanwhile, its copies could not be told from the earlier ones, which the rollup may have counted or not.
 */
export function heldDoubled(ledger: Ledger, partitionId: string): LedgerError {
  return new LedgerError('refused', `\`usage\` holds records more than once on ${dayOf(partitionId)}`, {
    place: `${ledger.location}, ${ledger.database}.usage`,
    hint: 'stop the pods that still replay their WAL, look at `obleth-ledger repair --dry-run`, remove the copies with `obleth-ledger repair`, then run the same command again',
  })
}
