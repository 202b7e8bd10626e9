import type { CrashPoint } from './kill-rename.js'

/**
 * How many renames of each kind the engine makes in a replay: three blocks of records in two inserts, three days, so two
 * parts of each day; the evidence goes in one insert.
 */
export const ENGINE: Readonly<Record<string, number>> = {
  'create lock': 1,
  'create staging': 2,
  'create staging_evidence': 1,
  'create staging_known': 1,
  'insert staging': 6,
  'insert staging_evidence': 1,
  'insert plan': 3,
  'insert ids': 3,
  // The verdicts on batches, then `planned` and `published` of each day, then the end.
  'insert steps': 8,
  'move usage': 6,
  'empty staging': 6,
  'insert usage_daily': 3,
  'drop staging': 1,
  'drop staging_evidence': 1,
  'drop staging_known': 1,
  'drop lock': 1,
}

/** And where there is no ledger yet. */
export const SCHEMA: Readonly<Record<string, number>> = {
  'create database': 1,
  'create usage': 1,
  'create usage_daily': 1,
  'create usage_meta': 1,
  'insert usage_meta': 1,
  'create usage_daily_mv': 1,
  'create ids': 1,
  'create plan': 1,
  'create steps': 1,
}

/** Merges, mutations and the removal of parts are left out: ClickHouse does those in threads of its own. */
export function counted(kinds: readonly string[]): Record<string, number> {
  const made: Record<string, number> = {}
  for (const kind of kinds)
    if (!/^(merge|delete|mutation|mutate|clone|other) /.test(kind)) made[kind] = (made[kind] ?? 0) + 1
  return made
}

export function pointsOf(counts: Readonly<Record<string, number>>): CrashPoint[] {
  return Object.entries(counts).flatMap(([kind, count]) =>
    Array.from({ length: count }, (_, i) => ({ kind, nth: i + 1 })),
  )
}

/** Each of them with the rename left undone, and made. */
export function bothSides(points: readonly CrashPoint[]): CrashPoint[] {
  return points.flatMap((point) => [
    { ...point, when: 'before' as const },
    { ...point, when: 'after' as const },
  ])
}
