import { cpus, release, totalmem, type } from 'node:os'
import type { BenchDocument } from '../domain/bench.js'

/** What the numbers depend on. */
export function machine(): BenchDocument['machine'] {
  const processors = cpus()
  return {
    processor: processors[0]?.model.trim() ?? 'unknown',
    processors: processors.length,
    memoryBytes: totalmem(),
    system: `${type()} ${release()}`,
    node: process.version,
  }
}
