import type { RunDay, RunDetails, RunEntry, RunProgress } from '../domain/runs.js'
import { dayOf } from './drift.js'
import { literal } from './identifiers.js'
import type { Ledger } from './ledger.js'
import { lockOwner } from './lock.js'
import { hasRunTables, PLAN_TABLE, STEPS_TABLE } from './run-tables.js'
import { stagingTables } from './staging.js'

interface StepsOfRun {
  readonly runId: string
  readonly since: string
  readonly until: string
  readonly finished: boolean
  readonly undoing: boolean
  readonly undone: boolean
  readonly days: number
  readonly records: number
}

/** All runs that the target knows of, the oldest first; those without a step of their own last. */
export async function listRuns(ledger: Ledger): Promise<RunEntry[]> {
  const staging = new Map((await stagingTables(ledger)).map((table) => [table.runId, table]))
  const stepped = await stepsOfRuns(ledger)
  // Whoever locked an embedded ledger is gone: only one process can have it open, and that is this one.
  const owner = ledger.kind === 'server' ? await lockOwner(ledger) : null
  const known = new Set(stepped.map(({ runId }) => runId))
  const others = [...new Set([...staging.keys(), ...(owner === null ? [] : [owner.runId])])].filter(
    (runId) => !known.has(runId),
  )
  return [...stepped, ...others.map((runId) => ({ ...NO_STEPS, runId }))].map((steps) => {
    const { runId, since, until, days, records } = steps
    const table = staging.get(runId)
    const lock = owner?.runId === runId ? owner : null
    return {
      runId,
      progress: progressOf(steps),
      since: since === '' ? null : since,
      until: until === '' ? null : until,
      days,
      records,
      staging: table === undefined ? null : { rows: table.rows, bytes: table.bytes },
      lock: lock === null ? null : { host: lock.host, pid: lock.pid, since: lock.since },
    }
  })
}

/** A run with its days; null where the target knows no such run. */
export async function showRun(ledger: Ledger, runId: string): Promise<RunDetails | null> {
  const entry = (await listRuns(ledger)).find((run) => run.runId === runId)
  if (entry === undefined) return null
  return { ...entry, partitions: entry.since === null ? [] : await daysOf(ledger, runId) }
}

const NO_STEPS = { since: '', until: '', finished: false, undoing: false, undone: false, days: 0, records: 0 }

function progressOf(steps: StepsOfRun): RunProgress {
  if (steps.undone) return 'undone'
  if (steps.undoing) return 'undoing'
  if (steps.finished) return 'published'
  return steps.days > 0 ? 'unfinished' : 'staged'
}

async function stepsOfRuns(ledger: Ledger): Promise<StepsOfRun[]> {
  if (!(await hasRunTables(ledger))) return []
  const rows = await ledger.rows<Record<keyof StepsOfRun, string>>(
    `SELECT run AS runId, min(first) AS since, max(last) AS until, countIf(step = 'finished') AS finished,
       countIf(step = 'undo_planned') AS undoing, countIf(step = 'undone' AND partition_id = '') AS undone,
       countIf(step = 'planned') AS days, sum(if(step = 'planned', ids, 0)) AS records
     FROM (
       SELECT run, partition_id, step, argMin(JSONExtractUInt(payload, 'ids'), at) AS ids,
         formatDateTime(min(at), '%FT%TZ', 'UTC') AS first, formatDateTime(max(at), '%FT%TZ', 'UTC') AS last
       FROM ${ledger.table(STEPS_TABLE)} WHERE step NOT IN ('repair_planned', 'repaired')
       GROUP BY run, partition_id, step)
     GROUP BY run ORDER BY since, runId`,
  )
  return rows.map((row) => ({
    runId: row.runId,
    since: row.since,
    until: row.until,
    finished: row.finished !== '0',
    undoing: row.undoing !== '0',
    undone: row.undone !== '0',
    days: Number(row.days),
    records: Number(row.records),
  }))
}

async function daysOf(ledger: Ledger, runId: string): Promise<RunDay[]> {
  const rows = await ledger.rows<Record<string, string>>(
    `SELECT partition_id, sum(ids) AS records, sum(before) AS rowsBefore, countIf(step = 'published') AS published,
       countIf(step = 'undo_planned') AS undoing, countIf(step = 'undone') AS undone
     FROM (
       SELECT partition_id, step, if(step = 'planned', argMin(JSONExtractUInt(payload, 'ids'), at), 0) AS ids,
         if(step = 'planned', argMin(JSONExtractUInt(payload, 'rowsBefore'), at), 0) AS before
       FROM ${ledger.table(STEPS_TABLE)}
       WHERE run = ${literal(runId)} AND step IN ('planned', 'published', 'undo_planned', 'undone') AND partition_id != ''
       GROUP BY partition_id, step)
     GROUP BY partition_id ORDER BY partition_id`,
  )
  const groups = await ledger.rows<Record<string, string>>(
    `SELECT partition_id, countIf(decision = 'proven') AS proven, countIf(decision = 'assumed') AS assumed,
       countIf(startsWith(decision, 'mismatch')) AS mismatch, sum(low_requests) AS low, sum(high_requests) AS high
     FROM ${ledger.table(PLAN_TABLE)} WHERE run = ${literal(runId)} GROUP BY partition_id`,
  )
  return rows.map((row) => {
    const plan = groups.find(({ partition_id }) => partition_id === row.partition_id)
    const number = (name: string) => Number(plan?.[name] ?? 0)
    return {
      day: dayOf(row.partition_id),
      progress:
        row.undone !== '0'
          ? 'undone'
          : row.undoing !== '0'
            ? 'undoing'
            : row.published !== '0'
              ? 'published'
              : 'planned',
      records: Number(row.records),
      rowsBefore: Number(row.rowsBefore),
      groups: { proven: number('proven'), assumed: number('assumed'), mismatch: number('mismatch') },
      lowRequests: number('low'),
      highRequests: number('high'),
    }
  })
}
