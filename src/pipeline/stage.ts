import { statfsSync } from 'node:fs'
import { LedgerError } from '../domain/errors.js'
import type { Emit } from '../domain/events.js'
import type { InputOptions, ReplayOptions } from '../domain/options.js'
import { FIELDS, type FieldName } from '../domain/record.js'
import type { Ledger } from '../ledger/ledger.js'
import { patiently } from '../ledger/patiently.js'
import type { StagedPartition, Staging } from '../ledger/staging.js'
import { verifyStaging } from '../ledger/verify.js'
import { blockColumns, EVIDENCE_COLUMNS } from '../order/index.js'
import type { Discovery } from '../sources/index.js'
import type { DecodeResult, DecodeTask, SpooledFile } from './decode-messages.js'
import { DecodeThread, type DecodeThreadHooks } from './decode-thread.js'
import type { RunState } from './state.js'

/** What the decode thread needs of the options. */
type DecodeChoices = Pick<InputOptions, 'sinceMs' | 'untilMs' | 'tenants' | 'memoryBytes' | 'acceptFuture'>

export interface StageInput {
  readonly options: DecodeChoices
  readonly discovery: Discovery
  readonly state: RunState
  readonly ledger: Ledger
  readonly staging: Staging
  readonly columns: readonly FieldName[]
  readonly missing: readonly FieldName[]
  readonly dropBeforeMs: number | undefined
  /** Where the evidence shall tell the file that a record came from (see DecodeTask). */
  readonly origins?: Uint32Array
  /** A thread made ahead, with `decodeAhead` or without a task; null where there is none. */
  readonly ahead: DecodeThread | null
  readonly emit: Emit
  readonly signal: AbortSignal
}

export interface StageResult {
  readonly decoded: DecodeResult
  readonly partitions: readonly StagedPartition[]
  readonly stageMs: number
}

/**
 * Begins to decode while the target is looked at, as if it had a column for every field: of a million records, a quarter
 * are decoded by the time that an embedded ledger is ready for them. The thread stops by itself at its third block.
 */
export function decodeAhead(thread: DecodeThread, options: ReplayOptions, discovery: Discovery, state: RunState): void {
  const columns = FIELDS.map(({ name }) => name)
  thread.begin(decodeTask(options, discovery, state, columns, true))
}

/** Conflicts can come to light in a pass that was made for others, where files change meanwhile. */
const MOST_PASSES = 4

/**
 * Decodes the sources into a fresh staging table and proves what arrived. Where request ids come with different values,
 * this is seen only when the second version comes by; then staging is made anew in a pass that knows these ids and
 * settles them by their values alone. Throws `verification_failed`, `disk_full`, `interrupted`, or the ledger's errors.
 */
export async function stage(input: StageInput): Promise<StageResult> {
  let conflictIds = new Uint32Array(0)
  for (let pass = 1; ; pass++) {
    const { decoded, stageMs } = await stageOnce(input, conflictIds)
    const fresh = decoded.newConflictIds
    if (fresh.length === 0) {
      const started = performance.now()
      input.emit({ type: 'stage_started', stage: 'verify', message: 'verifying what was staged' })
      const { tally } = decoded
      const expected = { ...tally, buckets: () => tally.entries }
      await patiently(input.ledger, input, () => verifyStaging(input.ledger, input.staging, expected, input.missing))
      const verifyMs = performance.now() - started
      input.emit({
        type: 'stage_finished',
        stage: 'verify',
        ms: verifyMs,
        message: 'staging holds exactly what was decoded',
      })
      return {
        decoded,
        partitions: await patiently(input.ledger, input, () => input.staging.partitions()),
        stageMs: stageMs + verifyMs,
      }
    }
    if (pass === MOST_PASSES)
      throw new LedgerError('refused', 'the sources change while they are read', {
        hint: 'stop the pods, or take a copy of their WAL files, then run the same command again',
      })
    input.emit({
      type: 'notice',
      message: `${fresh.length / 4} request ids come with different values: reading the sources again to settle them`,
    })
    conflictIds = Uint32Array.from([...conflictIds, ...fresh])
  }
}

async function stageOnce(
  input: StageInput,
  conflictIds: Uint32Array,
): Promise<{ decoded: DecodeResult; stageMs: number }> {
  const { discovery, staging, columns, emit, signal } = input
  await patiently(input.ledger, input, () => staging.create())
  const thread = await decodeThread(input, conflictIds)
  let stageMs = 0
  const native = (spooled: SpooledFile | null, of: typeof EVIDENCE_COLUMNS) =>
    spooled === null ? null : { ...spooled, columns: of }
  const dataColumns = blockColumns(columns)
  emit({ type: 'stage_started', stage: 'decode', message: `decoding ${discovery.files.length} files into staging` })
  const started = performance.now()
  const decoded = await thread.run(
    {
      async block(data, evidence) {
        const start = performance.now()
        await staging.insertBlock({ data: native(data, dataColumns), evidence: native(evidence, EVIDENCE_COLUMNS) })
        stageMs += performance.now() - start
      },
      progress: decodeProgress(discovery, emit),
    },
    signal,
  )
  const ms = performance.now() - started
  emit({
    type: 'stage_finished',
    stage: 'decode',
    ms,
    message: `${decoded.decoded} records decoded, ${decoded.sent} staged`,
  })
  return { decoded, stageMs }
}

/** The thread that was made ahead where it has begun with just what is wanted or with nothing, else a new one. */
async function decodeThread(input: StageInput, conflictIds: Uint32Array): Promise<DecodeThread> {
  const { options, discovery, state, columns, dropBeforeMs, origins = null, ahead } = input
  const task: DecodeTask = {
    ...decodeTask(options, discovery, state, columns, true),
    ...{ dropBeforeMs, conflictIds, origins },
  }
  if (ahead === null || conflictIds.length > 0) return new DecodeThread().begin(task)
  if (ahead.task === null) return ahead.begin(task)
  if (dropBeforeMs === undefined && columns.join() === ahead.task.columns.join()) return ahead
  await ahead.end()
  state.emptySpool()
  return new DecodeThread().begin(task)
}

/** What `inspect` and `replay` have in common in what the decode thread is told. */
export function decodeTask(
  options: DecodeChoices,
  discovery: Discovery,
  state: Pick<RunState, 'spoolDir' | 'quarantinePath'>,
  columns: readonly FieldName[],
  encode: boolean,
): DecodeTask {
  const { sinceMs, untilMs, tenants, memoryBytes, acceptFuture } = options
  return {
    files: discovery.files,
    spoolDir: state.spoolDir,
    quarantinePath: state.quarantinePath,
    columns,
    sinceMs,
    untilMs,
    tenants,
    dropBeforeMs: undefined,
    memoryBytes,
    nowMs: Date.now(),
    acceptFuture,
    encode,
    conflictIds: new Uint32Array(0),
    origins: null,
  }
}

/** Tells how far decoding is; the total is unknown where files are compressed. */
export function decodeProgress(discovery: Discovery, emit: Emit): DecodeThreadHooks['progress'] {
  const totalBytes = discovery.files.some(({ bytes }) => bytes === null) ? null : discovery.bytes
  return (doneBytes, records) => emit({ type: 'progress', stage: 'decode', doneBytes, totalBytes, records })
}

/** A record takes about this share of its line in staging, before merges; measured on generated trees. */
const STAGED_SHARE = 0.5
/** Blocks on their way, three files of some 26 MB, and room for the state. */
const SPOOL_BYTES = 128 << 20

/** Throws `disk_full` where spool or target have less room than the plan needs; does nothing where the room is unknown. */
export function assertSpace(discovery: Discovery, state: RunState, targetFreeBytes: number | null): void {
  const { bavail, bsize } = statfsSync(state.dir)
  const spool = bavail * bsize
  if (spool < SPOOL_BYTES)
    throw new LedgerError('disk_full', `the state directory has ${spool} bytes free, ${SPOOL_BYTES} are needed`, {
      place: state.dir,
      hint: 'free some space or name another --state-dir',
    })
  // Staged once, and moved without a copy.
  const needed = Math.ceil(discovery.bytes * STAGED_SHARE)
  if (targetFreeBytes !== null && targetFreeBytes < needed)
    throw new LedgerError('disk_full', `the target has ${targetFreeBytes} bytes free, about ${needed} are needed`, {
      hint: 'free some space on the target, or replay in parts with --since and --until',
    })
}
