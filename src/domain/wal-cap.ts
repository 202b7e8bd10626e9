/** obleth's caps for the WAL of one pod over all its files; at either of them it drops new records, not old ones. */
export const WAL_CAP = { bytes: 256 * 2 ** 20, segments: 1024 }

/** A batch of up to 1 MiB that no longer fits is dropped: a full pod stands a little below its cap. */
const LARGEST_BATCH_BYTES = 2 ** 20

export const isAtCap = ({ bytes, segments }: { readonly bytes: number; readonly segments: number }): boolean =>
  bytes >= WAL_CAP.bytes - LARGEST_BATCH_BYTES || segments >= WAL_CAP.segments
