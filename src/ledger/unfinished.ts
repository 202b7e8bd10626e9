import { LedgerError } from '../domain/errors.js'
import { literal } from './identifiers.js'
import type { Ledger } from './ledger.js'
import { hasRunTables, STEPS_TABLE, type StepName } from './run-tables.js'

/** Runs and repairs that have begun to change `usage` and have not finished. */
export interface Unfinished {
  readonly run: string
  readonly what: 'publish' | 'undo' | 'repair'
  /** Partitions that are planned and not done; of an undo all of its own. */
  readonly partitionIds: readonly string[]
}

/** What has begun and has not finished: it must before any replay or undo may begin. */
export async function unfinishedRuns(ledger: Ledger): Promise<Unfinished[]> {
  if (!(await hasRunTables(ledger))) return []
  const steps = ledger.table(STEPS_TABLE)
  const undone = `SELECT run FROM ${steps} WHERE step = 'undone' AND partition_id = ''`
  const begun = (what: Unfinished['what'], planned: StepName, done: StepName) =>
    `SELECT ${literal(what)} AS what, run, partition_id,
       countIf(step = ${literal(planned)}) > 0 AS planned, countIf(step = ${literal(done)}) > 0 AS done
     FROM ${steps} WHERE step IN (${literal(planned)}, ${literal(done)}) AND NOT (${literal(what)} = 'publish' AND run IN (${undone}))
     GROUP BY run, partition_id`
  const rows = await ledger.rows<{ run: string; what: Unfinished['what']; partitionIds: string[]; ended: number }>(
    `SELECT what, run, groupArrayIf(partition_id, planned AND (what = 'undo' OR NOT done)) AS partitionIds,
       toUInt8(max(partition_id = '' AND done)) AS ended
     FROM (${begun('publish', 'planned', 'published')} UNION ALL ${begun('undo', 'undo_planned', 'undone')}
       UNION ALL ${begun('repair', 'repair_planned', 'repaired')})
     GROUP BY what, run ORDER BY run`,
  )
  return rows
    .filter(({ what, ended, partitionIds }) => (what === 'publish' ? partitionIds.length > 0 : ended === 0))
    .map(({ run, what, partitionIds }) => ({ run, what, partitionIds }))
}

/**
 * Throws `target_locked` where another run, an undo or a repair stopped half way: it must be finished first. `finishing`:
 * what of the run itself is about to be gone on with.
 */
export async function refuseUnfinishedRuns(
  ledger: Ledger,
  runId: string,
  finishing: readonly Unfinished['what'][],
): Promise<void> {
  const others = (await unfinishedRuns(ledger)).filter(({ run, what }) => run !== runId || !finishing.includes(what))
  if (others.length === 0) return
  const place = `${ledger.location}, database ${ledger.database}`
  if (others.every(({ what }) => what === 'repair'))
    throw new LedgerError('target_locked', 'a repair has begun and has not finished', {
      place,
      hint: 'finish it with: obleth-ledger repair',
    })
  const undoing = others.find(({ what }) => what === 'undo')
  throw new LedgerError(
    'target_locked',
    `run ${others.map(({ run }) => run).join(', ')} has begun to publish, or to be undone, and has not finished`,
    {
      place,
      hint:
        undoing !== undefined
          ? `finish it with: obleth-ledger runs undo ${undoing.run}`
          : 'run its command again, with the same sources and the same --state-dir, until it finishes; `obleth-ledger runs list` shows what it is',
    },
  )
}
