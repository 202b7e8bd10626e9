import type { InputOptions, TargetOptions } from './options.js'

/**
 * The stages of a replay, in their order, and what the time of each includes, ms of the wall clock:
 *
 * - `read`: waiting for bytes of the sources, unpacking included; what is fetched ahead while earlier bytes are decoded
 *   costs nothing.
 * - `decode`: bytes to records.
 * - `order`: copies dropped, sorting, spilling, blocks made and written for the ledger to take.
 * - `stage`: inserts into the staging table, each with the look that follows it.
 * - `verify`: staging compared with what was decoded.
 * - `publish`: everything behind that, until staging is dropped.
 *
 * The first three go on one after another in a thread, `stage` beside them, `verify` and `publish` by themselves. What is
 * none of these is a fixed part: finding the files, proving a bundle, connecting, making tables.
 */
export const BENCH_STAGES = ['read', 'decode', 'order', 'stage', 'verify', 'publish'] as const
export type BenchStage = (typeof BENCH_STAGES)[number]

/** none: decode and order only. */
export type BenchTarget = 'none' | 'embedded' | 'server'

export interface BenchOptions extends Pick<InputOptions, 's3' | 'concurrency' | 'memoryBytes' | 'stateDir'> {
  /** Empty: records are generated. */
  readonly sources: readonly string[]
  /** Records to generate. */
  readonly records: number
  /** The same seed gives the same bytes. */
  readonly seed: string
  readonly rounds: number
  /** About so many bytes of the sources are replayed in each round. */
  readonly sampleBytes: number
  readonly kind: BenchTarget
  /** How the server is reached; its database is not used. */
  readonly target: TargetOptions
}

/** Times in ms; stages that did not run are not there. */
export interface BenchRound {
  /** From the search for files to the end of the last stage. */
  readonly totalMs: number
  readonly stages: Readonly<Partial<Record<BenchStage, number>>>
}

/** The median of a stage over all rounds. */
export interface StageSpeed {
  readonly stage: BenchStage
  readonly ms: number
  /** Of the sum over all stages, 0 to 1: some of them go on side by side, so that sum may be more than the total. */
  readonly share: number
  /** Null where the time is too short to tell. */
  readonly recordsPerSecond: number | null
  readonly bytesPerSecond: number | null
}

/** What a replay of all the files would take. */
export interface Projection {
  readonly files: number
  /** Null where only reading tells. */
  readonly bytes: number | null
  readonly ms: number
  /** A sentence each. */
  readonly assumptions: readonly string[]
}

/** The document that `bench --json` prints. */
export interface BenchDocument {
  readonly command: 'bench'
  readonly version: string
  readonly status: 'ok' | 'incomplete'
  readonly input: {
    readonly kind: 'generated' | 'sources'
    /** Null for sources. */
    readonly seed: string | null
    readonly pods: number
    /** Read in each round. */
    readonly files: number
    readonly bytes: number
    /** Decoded in each round, copies included. */
    readonly records: number
    /** Each id once: what is staged and published. */
    readonly unique: number
  }
  readonly target: {
    readonly kind: BenchTarget
    /** URL of the server, without credentials; null for others. */
    readonly location: string | null
    /** Of the engine; null where there is none. */
    readonly version: string | null
  }
  readonly rounds: readonly BenchRound[]
  readonly medians: {
    readonly totalMs: number
    readonly recordsPerSecond: number
    readonly bytesPerSecond: number
    readonly stages: readonly StageSpeed[]
  }
  readonly bottleneck: BenchStage
  /** Null for generated records. */
  readonly projection: Projection | null
  /** What the reader should know of these numbers, a sentence each. */
  readonly notes: readonly string[]
  readonly machine: {
    readonly processor: string
    readonly processors: number
    readonly memoryBytes: number
    readonly system: string
    readonly node: string
  }
  readonly peakRssBytes: number
}
