/** The newest version of the RDB format that each release can read, as its sources say (`RDB_VERSION`). */
const READS: readonly (readonly [redis: string, rdb: number])[] = [
  ['5.0', 9],
  ['7.0', 10],
  ['7.2', 11],
  ['7.4', 12],
]
/** Releases behind this one may read more than is known here. */
const LAST_KNOWN = '8.2'

/** The newest RDB that a server reads; null where it is newer than what is known here. */
export function readsUpTo(redis: string): number | null {
  if (compare(redis, LAST_KNOWN) > 0) return null
  return READS.findLast(([release]) => compare(redis, release) >= 0)?.[1] ?? 0
}

/** The oldest Redis that reads an RDB: `7.2`; null for a version that is not known here. */
export const firstReader = (rdb: number): string | null => READS.find(([, reads]) => reads >= rdb)?.[0] ?? null

/** Redis 7 keeps its AOF in several files with a manifest; those before it are not served here. */
export const keepsManifest = (redis: string): boolean => compare(redis, '7.0') >= 0

/** By major and minor number alone. */
function compare(a: string, b: string): number {
  const [major, minor] = numbers(a)
  const [otherMajor, otherMinor] = numbers(b)
  return major - otherMajor || minor - otherMinor
}

const numbers = (version: string): [number, number] => {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return [major, minor]
}
