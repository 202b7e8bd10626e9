import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { withTemporaryFolder } from '../backup/temporary.js'
import type { BenchDocument, BenchOptions, BenchRound } from '../domain/bench.js'
import type { RunDocument } from '../domain/document.js'
import { LedgerError } from '../domain/errors.js'
import type { InputOptions } from '../domain/options.js'
import type { RunContext } from '../domain/run.js'
import { toolVersion } from '../pipeline/version.js'
import { generate } from './generate.js'
import { machine } from './machine.js'
import { projectionFor } from './projection.js'
import { measureRound } from './round.js'
import { bottleneckOf, mediansOf } from './summary.js'

/**
 * Measures how fast a replay is here: of the sources, or a sample of them, or of generated records, several times over,
 * each time into an empty database of its own, or into none. All that it makes is removed again, whatever happens: a
 * folder within the state directory, and databases on the target. Throws what a replay throws, and `verification_failed`
 * where rounds do not come to the same counts.
 */
export async function bench(options: BenchOptions, context: RunContext): Promise<BenchDocument> {
  mkdirSync(resolve(options.stateDir), { recursive: true, mode: 0o700 })
  try {
    return await withTemporaryFolder('bench', (folder) => benchIn(folder, options, context), options.stateDir)
  } catch (error) {
    if (!context.signal.aborted || (error instanceof LedgerError && error.code !== 'interrupted')) throw error
    throw new LedgerError('interrupted', 'interrupted; what was made for the measurement is removed', { cause: error })
  }
}

async function benchIn(folder: string, options: BenchOptions, context: RunContext): Promise<BenchDocument> {
  const { sources, records, seed, kind } = options
  const generated = sources.length === 0
  const tree = join(folder, 'pods')
  if (generated) {
    context.emit({ type: 'notice', message: `generating ${records} records` })
    await generate(tree, { records, seed }, context.signal)
  }
  const input = inputOf(options, generated ? [tree] : sources, folder)
  const target = {
    ...options.target,
    ...(kind === 'server' ? {} : { url: undefined, embedded: join(folder, 'ledger') }),
  }
  const rounds: BenchRound[] = []
  let first: RunDocument | undefined
  for (let number = 1; number <= options.rounds; number++) {
    context.emit({ type: 'notice', message: `round ${number} of ${options.rounds}` })
    const { document, round } = await measureRound(input, { kind, target }, context)
    first ??= document
    assertSame(first, document, kind !== 'none')
    rounds.push(round)
  }
  if (first === undefined) throw new Error('there is at least one round')
  const medians = mediansOf(rounds, { records: first.records.decoded, bytes: first.sources.bytes })
  return {
    command: 'bench',
    version: toolVersion(),
    status: first.status === 'ok' ? 'ok' : 'incomplete',
    input: {
      kind: generated ? 'generated' : 'sources',
      seed: generated ? seed : null,
      pods: first.sources.pods,
      files: first.sources.files,
      bytes: first.sources.bytes,
      records: first.records.decoded,
      unique: uniqueOf(first),
    },
    target: {
      kind,
      location: kind === 'server' ? (first.target?.location ?? null) : null,
      version: first.target?.version ?? null,
    },
    rounds,
    medians,
    bottleneck: bottleneckOf(medians.stages),
    projection: generated ? null : await projectionFor(input, kind, medians, context.signal),
    notes: notesOn(first),
    machine: machine(),
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  }
}

function inputOf(options: BenchOptions, sources: readonly string[], folder: string): InputOptions {
  const { s3, concurrency, memoryBytes, sampleBytes } = options
  return {
    ...{ sources, s3, concurrency, memoryBytes },
    sinceMs: undefined,
    untilMs: undefined,
    tenants: [],
    // Dated as the sample's writer pleased: all of it is work.
    acceptFuture: true,
    stateDir: join(folder, 'state'),
    // Generated is what was asked for.
    ...(options.sources.length === 0 ? {} : { sampleBytes }),
  }
}

/** A time counts only where the work was done, and was the same each time. */
function assertSame(first: RunDocument, { records, sources, rollup }: RunDocument, published: boolean): void {
  const same = records.decoded === first.records.decoded && sources.bytes === first.sources.bytes
  const whole = !published || (records.inserted === uniqueOf({ records }) && rollup === 'consistent')
  if (same && whole) return
  throw new LedgerError(
    'verification_failed',
    same
      ? `${records.inserted} records were published where ${uniqueOf({ records })} should be`
      : `one round read ${first.records.decoded} records, another ${records.decoded}`,
    { hint: 'measure on files that nothing writes to, such as a bundle that obleth-ledger collect made' },
  )
}

/** Below this, starting up and what is done once for each day weigh as much as the records. */
const TELLING_BYTES = 64 << 20

function notesOn({ sources, warnings }: RunDocument): string[] {
  const spilled = warnings.find((warning) => warning.class === 'spilled')
  return [
    ...(sources.bytes < TELLING_BYTES
      ? ['so little was measured that what is done once weighs most: a larger input goes faster, byte for byte']
      : []),
    ...(spilled === undefined ? [] : [spilled.message]),
    ...(sources.unreadable.length > 0
      ? [`files that could not be read are left out: ${sources.unreadable.length}`]
      : []),
  ]
}

function uniqueOf({ records }: Pick<RunDocument, 'records'>): number {
  return records.decoded - records.duplicates - records.conflicts
}
