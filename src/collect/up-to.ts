import type { OpenWalFile } from '../domain/wal.js'

/**
 * A file's bytes up to the first piece that reaches beyond the size it was found with: one that its pod writes to as fast
 * as it is read would never end. The rest is for the next collect.
 */
export async function* upToFirstGrowth(open: OpenWalFile): AsyncIterable<Uint8Array> {
  for await (const chunk of open.chunks) {
    yield chunk
    if (open.grownBytes() > 0) return
  }
}
