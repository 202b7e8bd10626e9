import type { BundledFile } from '../domain/collect.js'
import type { Warning } from '../domain/wal.js'
import { isAtCap } from '../domain/wal-cap.js'

/**
 * Pods whose WAL is at its cap: such a pod drops new records and keeps the old ones.
 * @param files that their sources hold now: those of earlier collects may be drained
 */
export function fullPods(files: readonly BundledFile[]): Warning[] {
  const pods = new Map<string, { bytes: number; segments: number }>()
  for (const { pod, bytes, kind } of files) {
    const sums = pods.get(pod) ?? { bytes: 0, segments: 0 }
    pods.set(pod, { bytes: sums.bytes + bytes, segments: sums.segments + (kind === 'segment' ? 1 : 0) })
  }
  return [...pods]
    .filter(([, sums]) => isAtCap(sums))
    .map(([pod]) => ({
      class: 'pod_full',
      message: 'its WAL is at its cap: it has very probably lost the records that came after',
      path: pod,
    }))
}
