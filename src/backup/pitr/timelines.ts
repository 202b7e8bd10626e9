import type { BaseBackup } from '../../domain/pitr.js'

/** An earlier timeline on the way to a later one, and where it was left. */
export interface Branch {
  readonly timeline: number
  /** Address in the log. */
  readonly lsn: bigint
}

/** Timeline of a segment's name. */
export const timelineOf = (segment: string): number => Number.parseInt(segment.slice(0, 8), 16)

/** Name of the file that tells where a timeline comes from; the first has none. */
export const historyName = (timeline: number): string =>
  `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`

/** `1/5000028` as a number. */
export function lsnOf(text: string): bigint {
  const [high, low] = text.split('/').map((part) => BigInt(`0x${part}`))
  return (high << 32n) | low
}

/** An address as people read it. */
export const lsnText = (lsn: bigint): string =>
  `${(lsn >> 32n).toString(16)}/${(lsn & 0xffffffffn).toString(16)}`.toUpperCase()

/** Branches of a history file, the oldest first: a line each, `1<tab>0/5000028<tab>reason`. */
export function readHistory(text: string): Branch[] {
  return text.split('\n').flatMap((line) => {
    const [, timeline, lsn] = /^\s*(\d{1,10})\s+([0-9A-F]{1,8}\/[0-9A-F]{1,8})\b/i.exec(line) ?? []
    return timeline === undefined ? [] : [{ timeline: Number(timeline), lsn: lsnOf(lsn) }]
  })
}

/**
 * Whether a recovery along a timeline can begin with a backup: it was taken on that timeline, or on an earlier one before
 * that was left. A backup of a branch that was given up afterwards leads nowhere: the server refuses to start from it.
 */
export function leadsTo({ timeline, stopLsn }: BaseBackup, target: number, branches: readonly Branch[]): boolean {
  if (timeline === target) return true
  return branches.some((branch) => branch.timeline === timeline && lsnOf(stopLsn) <= branch.lsn)
}
