const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** How long something has been, ms, in the unit that people use for it: `59 min`, `26 h`, `3 d`; what has begun of one is left out. */
export function age(ms: number): string {
  if (ms < 2 * HOUR_MS) return `${Math.max(0, Math.floor(ms / 60_000))} min`
  return ms < 2 * DAY_MS ? `${Math.floor(ms / HOUR_MS)} h` : `${Math.floor(ms / DAY_MS)} d`
}
