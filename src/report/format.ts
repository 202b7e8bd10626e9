const GROUPED = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** 1234567 → `1,234,567`. */
export const count = (n: number): string => GROUPED.format(n)

const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** Bytes with the largest unit that leaves at least 1: `512 B`, `1.5 MiB`, `630 MiB`. */
export function size(bytes: number): string {
  let unit = 0
  let value = bytes
  while (value >= 1024 && unit < SIZES.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${SIZES[unit]}`
}

/** Milliseconds as people say them: `12 ms`, `3.4 s`, `2 min 5 s`, `1 h 3 min`. */
export function time(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  const minutes = Math.round(seconds / 60)
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** Unix ms as RFC 3339 in UTC; a year that a Date cannot hold as the number. */
export function moment(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? `${ms} ms` : date.toISOString().replace('.000Z', 'Z')
}

/** `1 file`, `3 files`. */
export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`
