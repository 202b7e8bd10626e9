import type { WalFile } from '../domain/wal.js'

/**
 * Files that their pods may still write to. obleth closes a segment once it has about 1 MiB or is 60 s old, and never
 * appends to one of an earlier process (its `wal.rs`): of a live pod it is the newest segment alone, by the time in its
 * name, which its pod's own clock gave. What may be appended to at any time are the legacy WAL and `.corrupt` files. That
 * a pod looks dead and is not does no harm: what it writes then changes the file's version, and the next collect takes it.
 * @param live pods that look as if they were running
 */
export function mayGrow(files: readonly WalFile[], live: ReadonlySet<string>): (file: WalFile) => boolean {
  const newest = new Map<string, number>()
  for (const { pod, kind, createdMs } of files)
    if (kind === 'segment' && createdMs !== null) newest.set(pod, Math.max(newest.get(pod) ?? 0, createdMs))
  return ({ pod, kind, createdMs }) =>
    live.has(pod) && (kind !== 'segment' || (createdMs ?? Infinity) >= (newest.get(pod) ?? 0))
}
