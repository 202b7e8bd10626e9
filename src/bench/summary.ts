import { BENCH_STAGES, type BenchDocument, type BenchRound, type BenchStage, type StageSpeed } from '../domain/bench.js'

type Medians = BenchDocument['medians']

/** Medians of each time over the rounds, and what they come to for an input of this size. At least one round. */
export function mediansOf(rounds: readonly BenchRound[], input: { records: number; bytes: number }): Medians {
  const per = (amount: number, ms: number) => (ms > 0 ? (amount * 1000) / ms : null)
  const ran = BENCH_STAGES.filter((stage) => rounds.every(({ stages }) => stages[stage] !== undefined))
  const times = ran.map((stage) => ({ stage, ms: median(rounds.map(({ stages }) => stages[stage] ?? 0)) }))
  const sum = times.reduce((all, { ms }) => all + ms, 0)
  const totalMs = median(rounds.map((round) => round.totalMs))
  return {
    totalMs,
    recordsPerSecond: per(input.records, totalMs) ?? 0,
    bytesPerSecond: per(input.bytes, totalMs) ?? 0,
    stages: times.map(({ stage, ms }) => ({
      stage,
      ms,
      share: sum > 0 ? ms / sum : 0,
      recordsPerSecond: per(input.records, ms),
      bytesPerSecond: per(input.bytes, ms),
    })),
  }
}

/**
 * The stage that would shorten a replay most if it took no time: the longest of those that nothing hides. Of the thread
 * that reads, decodes and orders, and the inserts beside it, the one with less to do is hidden by the other.
 */
export function bottleneckOf(stages: readonly StageSpeed[]): BenchStage {
  const { threadMs, insertMs } = sidesOf(stages)
  const hidden: readonly BenchStage[] = threadMs < insertMs ? THREAD : ['stage']
  const open = stages.filter(({ stage }) => !hidden.includes(stage))
  return open.reduce((longest, one) => (one.ms > longest.ms ? one : longest)).stage
}

/**
 * ms for `scale` times as many bytes: what grows with the input grows in proportion (the longer of the two sides that go
 * on at once, verification, publishing), the rest stays.
 */
export function projectedMs({ totalMs, stages }: Pick<Medians, 'totalMs' | 'stages'>, scale: number): number {
  const { threadMs, insertMs, afterMs } = sidesOf(stages)
  return totalMs + (scale - 1) * (Math.max(threadMs, insertMs) + afterMs)
}

const THREAD: readonly BenchStage[] = ['read', 'decode', 'order']
const AFTER: readonly BenchStage[] = ['verify', 'publish']

function sidesOf(stages: readonly StageSpeed[]): { threadMs: number; insertMs: number; afterMs: number } {
  const sum = (names: readonly BenchStage[]) =>
    stages.reduce((all, { stage, ms }) => (names.includes(stage) ? all + ms : all), 0)
  return { threadMs: sum(THREAD), insertMs: sum(['stage']), afterMs: sum(AFTER) }
}

/** The middle value; of two in the middle their mean. */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
