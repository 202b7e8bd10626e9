import { assertBundles } from '../collect/assert-bundles.js'
import type { InputOptions } from '../domain/options.js'
import { type Discovery, discover } from '../sources/index.js'
import { sampleOf } from './sample.js'

/**
 * Finds the files behind the sources, bundles among them proven first. What a bundle holds only in part is missing from the
 * run, as it was from the collect. With `sampleBytes` a part of the files is taken. Throws what `assertBundles` and `discover` throw.
 */
export async function discoverProven(
  options: Pick<InputOptions, 'sources' | 'concurrency' | 's3' | 'stateDir' | 'sampleBytes'>,
  signal: AbortSignal,
): Promise<Discovery> {
  const { incomplete } = await assertBundles(options, signal)
  const { sources, concurrency, s3, sampleBytes } = options
  const discovery = await discover(sources, { concurrency, s3, signal })
  const whole = { ...discovery, unreadable: [...discovery.unreadable, ...incomplete] }
  return sampleBytes === undefined ? whole : sampleOf(whole, sampleBytes)
}
