import { LedgerError } from '../domain/errors.js'
import { DAY_MS } from '../domain/record.js'
import { deduplicate } from './deduplicate.js'
import { literal } from './identifiers.js'
import type { Ledger } from './ledger.js'
import { IDS_TABLE, portion, portionsFor } from './run-tables.js'
import { countRows } from './staged-counts.js'

/** A partition that was moved, as it was planned. */
export interface MovedPartition {
  readonly partitionId: string
  readonly minTsMs: number
  readonly maxTsMs: number
  readonly rowsBefore: number
  readonly ids: number
}

/**
 * Looks whether each id that the run planned for a partition is in `usage` exactly once. Returns true where it removed
 * copies: they may have gone through the view, so the rollup must be settled (again). Copies that came by a move cut
 * short, or from a pod that inserted the same records meanwhile, are equal bit for bit and removed by ClickHouse's own
 * DEDUPLICATE, which fires no view. It removes those of other records as well: none was there twice when the partition
 * was planned, so the view counted whatever is by now. Throws `refused` where ids are missing, or where rows that were
 * there before are gone.
 * `alone`: nobody else can have written since the plan, and nothing was interrupted: counting is enough.
 */
export async function lookForPublished(
  ledger: Ledger,
  runId: string,
  moved: MovedPartition,
  alone: boolean,
): Promise<boolean> {
  const rows = await countRows(ledger, 'usage', moved.partitionId)
  if (rows < moved.rowsBefore + moved.ids)
    throw missing(ledger, runId, moved, `${moved.rowsBefore + moved.ids - rows} rows fewer than there should be`)
  if (alone && rows === moved.rowsBefore + moved.ids) return false
  const found = await countIds(ledger, runId, moved)
  if (found.present < moved.ids)
    throw missing(ledger, runId, moved, `${moved.ids - found.present} published records not there`)
  if (found.doubled === 0) return false
  await deduplicate(ledger, moved.partitionId)
  const left = await countIds(ledger, runId, moved)
  if (left.present === moved.ids && left.doubled === 0) return true
  throw new LedgerError('refused', `${left.doubled} published records are in \`usage\` twice, with different values`, {
    place: `${ledger.database}.usage, partition ${moved.partitionId}`,
    hint: 'stop the pods that still replay their WAL, remove the other versions with `obleth-ledger repair`, then run the same command again',
  })
}

/**
 * How many of the ids that a run planned for a partition are in `usage`, and how many of these more than once. GLOBAL,
 * since the servers behind a Distributed `usage` have no table of ids.
 */
export async function countIds(
  ledger: Ledger,
  runId: string,
  moved: MovedPartition,
): Promise<{ present: number; doubled: number }> {
  const portions = portionsFor(moved.ids)
  let [present, doubled] = [0, 0]
  for (let i = 0; i < portions; i++) {
    const [row] = await ledger.rows<{ present: string; doubled: string }>(
      `SELECT count() AS present, countIf(copies > 1) AS doubled FROM (
         SELECT request_id, count() AS copies FROM ${ledger.table('usage')}
         WHERE ${near(moved)} AND ${portion(i, portions)}
           AND request_id GLOBAL IN (${ourIds(ledger, runId, moved)} AND ${portion(i, portions)})
         GROUP BY request_id)`,
    )
    present += Number(row.present)
    doubled += Number(row.doubled)
  }
  return { present, doubled }
}

function ourIds(ledger: Ledger, runId: string, { partitionId }: MovedPartition): string {
  return `SELECT request_id FROM ${ledger.table(IDS_TABLE)}
    WHERE run = ${literal(runId)} AND partition_id = ${literal(partitionId)}`
}

/** A pod's copy has the record's own time; a day around it is the same margin as the anti-join's. */
function near({ minTsMs, maxTsMs }: MovedPartition): string {
  return `ts_ms >= ${minTsMs - DAY_MS} AND ts_ms <= ${maxTsMs + DAY_MS}`
}

function missing(ledger: Ledger, runId: string, moved: MovedPartition, what: string): LedgerError {
  return new LedgerError(
    'refused',
    `partition ${moved.partitionId} of \`usage\` lost rows while it was published: ${what}`,
    {
      place: `${ledger.location}, ${ledger.database}.usage`,
      hint: `find out what deletes rows (retention, TTL, somebody by hand), stop it, then take the run back with \`obleth-ledger runs undo ${runId}\` and run the same command again`,
    },
  )
}
