import type { WalFile } from '../domain/wal.js'
import { whereabouts } from '../sources/index.js'

/** Where a file comes from, whatever kind of place that is: the same each time it is found there. */
export function originOf({ locator: { stored, members }, path }: WalFile): string {
  return JSON.stringify([whereabouts(stored), members.map(({ number }) => number), path])
}
