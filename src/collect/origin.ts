import type { WalFile } from '../domain/wal.js'

/** What may differ between two listings of one stored file, or says how it is reached, not which one it is. */
const NO_PART_OF_IT = new Set(['store', 'etag', 'bytes', 'timeoutMs'])

/** Where a file comes from, whatever kind of place that is: the same each time it is found there. */
export function originOf({ locator: { stored, members }, path }: WalFile): string {
  const place = Object.entries(stored).map(([name, value]) => [
    name,
    value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
  ])
  const origin = [Object.fromEntries(place), members.map(({ number }) => number), path]
  return JSON.stringify(origin, (name, value: unknown) => (NO_PART_OF_IT.has(name) ? undefined : value))
}
