import type { TreeOptions } from './options.js'
import { PodWriter, type Shared } from './pod-writer.js'
import { makePopulation } from './population.js'
import { Random } from './random.js'
import { Tally } from './tally.js'

/**
 * Writes a tree of WAL files, pod by pod, in memory that does not grow with it.
 * @param root directory, made where it is missing; files of the same names are overwritten
 * @returns the expected result
 */
export function writeTree(root: string, options: TreeOptions): Tally {
  const random = new Random(options.seed)
  const tally = new Tally()
  const shared: Shared = {
    root,
    options,
    random,
    tally,
    population: makePopulation(random, options),
    copyable: [],
  }
  for (let pod = 0; pod < options.pods; pod++) {
    const records = Math.floor(options.records / options.pods) + (pod < options.records % options.pods ? 1 : 0)
    new PodWriter(shared, `obleth-gateway-7c9d5b6f4-${podSuffix(pod)}`, pod < options.legacyPods, records).write()
  }
  return tally
}

/** Five letters as Kubernetes hangs them on a name; another one for each number. */
function podSuffix(pod: number): string {
  const letters = 'bcdfghjklmnpqrstvwxz2456789'
  let rest = Math.imul(pod + 1, 2_654_435_761) >>> 0
  let suffix = ''
  for (let i = 0; i < 5; i++) {
    suffix += letters[rest % letters.length]
    rest = Math.floor(rest / letters.length)
  }
  return suffix
}
