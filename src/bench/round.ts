import type { BenchOptions, BenchRound, BenchStage } from '../domain/bench.js'
import type { RunDocument } from '../domain/document.js'
import type { Emit } from '../domain/events.js'
import type { InputOptions, TargetOptions } from '../domain/options.js'
import type { RunContext } from '../domain/run.js'
import { inspect, replay } from '../pipeline/index.js'
import { withScratchDatabase } from './scratch.js'

export interface Measured {
  readonly document: RunDocument
  readonly round: BenchRound
}

/** One replay, as every replay is, into a database that is there for nothing else; or as much of it as needs none. */
export async function measureRound(
  input: InputOptions,
  { kind, target }: Pick<BenchOptions, 'kind' | 'target'>,
  context: RunContext,
): Promise<Measured> {
  if (kind === 'none') {
    const { document } = await inspect(input, context, true)
    return measured(document, {})
  }
  return await withScratchDatabase(target, context, (scratch) => replayInto(scratch, input, context))
}

async function replayInto(target: TargetOptions, input: InputOptions, context: RunContext): Promise<Measured> {
  let verifyMs = 0
  const emit: Emit = (event) => {
    if (event.type === 'stage_finished' && event.stage === 'verify') verifyMs += event.ms
    context.emit(event)
  }
  const { document } = await replay({ ...input, ...INTO_SCRATCH, target }, { ...context, emit })
  const { stageMs, publishMs } = document.timings
  return measured(document, { stage: stageMs - verifyMs, verify: verifyMs, publish: publishMs })
}

function measured(document: RunDocument, behind: Partial<Record<BenchStage, number>>): Measured {
  const { totalMs, readMs, decodeMs, orderMs } = document.timings
  return {
    document,
    round: { totalMs, stages: { read: readMs, decode: decodeMs - readMs, order: orderMs, ...behind } },
  }
}

/** An empty database of our own: its tables may be made, and nothing in it is to be kept. */
const INTO_SCRATCH = {
  dryRun: false,
  stageOnly: false,
  createSchema: true,
  expired: 'include',
  publish: 'move',
  repairRollup: false,
  breakLock: false,
  // Old records are as good as others here: no word of them.
  retentionDays: 36_500,
  yes: true,
} as const
