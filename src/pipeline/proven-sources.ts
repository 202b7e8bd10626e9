import { assertBundles } from '../collect/assert-bundles.js'
import type { InputOptions } from '../domain/options.js'
import { type Discovery, discover } from '../sources/index.js'

/**
 * Finds the files behind the sources, bundles among them proven first. What a bundle holds only in part is missing from the
 * run, as it was from the collect. Throws what `assertBundles` and `discover` throw.
 */
export async function discoverProven(
  { sources, concurrency, s3 }: Pick<InputOptions, 'sources' | 'concurrency' | 's3'>,
  signal: AbortSignal,
): Promise<Discovery> {
  const { incomplete } = await assertBundles(sources, signal)
  const discovery = await discover(sources, { concurrency, s3, signal })
  return { ...discovery, unreadable: [...discovery.unreadable, ...incomplete] }
}
