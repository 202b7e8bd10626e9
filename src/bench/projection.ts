import type { BenchDocument, BenchTarget, Projection } from '../domain/bench.js'
import type { InputOptions } from '../domain/options.js'
import { bytesOf, sampleOf } from '../pipeline/sample.js'
import { discover } from '../sources/index.js'
import { projectedMs } from './summary.js'

/** What a replay of all files behind the sources would take, by what a part of them took. Throws what `discover` throws. */
export async function projectionFor(
  { sources, concurrency, s3, sampleBytes = Number.POSITIVE_INFINITY }: InputOptions,
  kind: BenchTarget,
  medians: BenchDocument['medians'],
  signal: AbortSignal,
): Promise<Projection> {
  const all = await discover(sources, { concurrency, s3, signal })
  const bytes = bytesOf(all.files)
  const sample = sampleOf(all, sampleBytes)
  // Where sizes are not known all was read.
  const scale = bytes === null || sample.files.length === all.files.length ? 1 : bytes / sample.bytes
  return {
    files: all.files.length,
    bytes,
    ms: projectedMs(medians, scale),
    assumptions: [
      scale === 1
        ? 'all of these files were measured'
        : `the time grows with the bytes: ${sample.files.length} of ${all.files.length} files were measured`,
      'they are read as fast as in these rounds, of which the later ones may have found them in memory',
      kind === 'none'
        ? 'decode and order only: what the ledger does goes on beside and behind it'
        : 'the ledger is empty: one that has these days already is looked through first',
    ],
  }
}
