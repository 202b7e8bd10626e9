/** What a file tells about whether its pod is running. */
export interface Trace {
  readonly pod: string
  /** Unix ms of a segment's creation, from its name; null for other files. */
  readonly createdMs: number | null
  /** Unix ms of the last change of the file or its checkpoint. */
  readonly modifiedMs: number
  /** Why its source knows that the pod runs; undefined where it does not. */
  readonly running?: string | undefined
}

/** A file changed this recently belongs to a pod that is probably alive. */
const RECENT_MS = 120_000
/** A segment is written for a minute; one that changed much later than it began was copied without its times. */
const COPIED_MS = 600_000

/**
 * Pods that look as if they were still running, and why. Times of files tell nothing where copying has set them anew:
 * then only the times in the segments' names count, and checkpoints that were being written.
 * @param unfinished pods with such a checkpoint
 */
export function livePods(
  traces: readonly Trace[],
  unfinished: readonly string[],
  nowMs: number,
): { pod: string; reason: string }[] {
  const copied = new Set(
    traces
      .filter(({ createdMs, modifiedMs }) => createdMs !== null && modifiedMs - createdMs > COPIED_MS)
      .map(({ pod }) => pod),
  )
  const latest = new Map<string, number>()
  for (const { pod, createdMs, modifiedMs } of traces) {
    const ms = copied.has(pod) ? createdMs : modifiedMs
    if (ms !== null && nowMs - ms < RECENT_MS) latest.set(pod, Math.max(latest.get(pod) ?? 0, ms))
  }
  const reasons = new Map([...latest].map(([pod, ms]) => [pod, `written to ${secondsAgo(nowMs - ms)}`]))
  for (const { pod, running } of traces) if (running !== undefined) reasons.set(pod, running)
  for (const pod of unfinished) if (!reasons.has(pod)) reasons.set(pod, 'a checkpoint was being written (.offset.tmp)')
  return [...reasons].map(([pod, reason]) => ({ pod, reason }))
}

function secondsAgo(ms: number): string {
  return ms < 0 ? 'at a time that is still to come' : `${Math.round(ms / 1000)} s ago`
}
