import { noLines, noRecords } from '../domain/counts.js'
import type { RunDocument } from '../domain/document.js'
import type { ReplayPlan } from '../domain/run.js'
import type { Failure } from './failure.js'

/** One JSON document, ended by a line feed. */
export const renderJson = (document: unknown): string => `${JSON.stringify(document, null, 2)}\n`

/** The document of a replay; with `--dry-run` it has the plan as well. */
export function replayDocument(document: RunDocument, plan: ReplayPlan | undefined): object {
  return plan === undefined ? document : { ...document, plan }
}

/**
 * The document of a run that ended by an error. It has every field of a finished run, so that programs can read it
 * alike, and `error` besides; its counts are zero because none are known.
 */
export function failedRunDocument(
  command: 'replay' | 'inspect',
  version: string,
  refused: boolean,
  error: Failure,
): RunDocument & { error: Failure } {
  return {
    command,
    version,
    runId: '',
    status: refused ? 'refused' : 'failed',
    target: null,
    sources: { pods: 0, files: 0, bytes: 0, unreadable: [] },
    lines: noLines(),
    records: noRecords(),
    window: null,
    unknownFields: [],
    warnings: [],
    quarantine: null,
    rollup: 'unchecked',
    timings: { totalMs: 0, readMs: 0, decodeMs: 0, orderMs: 0, stageMs: 0, publishMs: 0 },
    throughput: { recordsPerSecond: 0, bytesPerSecond: 0 },
    peakRssBytes: 0,
    error,
  }
}
