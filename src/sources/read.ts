import type { OpenWalFile, WalFile } from '../domain/wal.js'
import { Allowance } from './allowance.js'
import { contentOf } from './content.js'
import { releasePlaces } from './places.js'
import { ReadAhead } from './read-ahead.js'
import { readArchive } from './read-archive.js'
import { CHUNK_BYTES } from './source.js'
import { unpack } from './unpack.js'

/** Readings of this thread: what places keep open is for all of them. */
let underWay = 0

/**
 * Opens files one after another, in the order given; each must be read to its end before the next is asked for. Files
 * of one archive that stand together are read in one pass over it, in its order. Never throws for what a file holds or
 * lacks: its `problem()` tells. Files that are stored as they are, are read piece by piece into `buffer`. Throws the signal's reason, also in the middle of waiting for a place that can be told so.
 */
export async function* readFiles(
  files: readonly WalFile[],
  signal?: AbortSignal,
  buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES),
): AsyncIterable<OpenWalFile> {
  // What is unpacked may be put where `buffer` is, before all that is packed has been taken.
  const packed = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  const ahead = new ReadAhead(files)
  const stop = () => releasePlaces(signal?.reason)
  signal?.addEventListener('abort', stop)
  underWay++
  try {
    for (let start = 0; start < files.length; ) {
      signal?.throwIfAborted()
      const group = sameArchive(files, start)
      const { compression, members } = group[0].locator
      const asItIs = compression === 'none' && members.length === 0
      const allowance = new Allowance(signal)
      const unpacked = unpack(allowance.counted(ahead.open(start, asItIs ? buffer : packed)), compression, allowance)
      start += group.length
      if (members.length === 0) yield { file: group[0], ...contentOf(group[0], unpacked) }
      else
        for await (const { file, content } of readArchive(unpacked, group, allowance)) {
          signal?.throwIfAborted()
          yield { file, ...content }
        }
    }
  } finally {
    signal?.removeEventListener('abort', stop)
    ahead.close()
    if (--underWay === 0) releasePlaces(NO_MORE)
  }
}

const NO_MORE = new Error('nothing is to be read any more')

/** The file at `start` and, where it is a member of an archive, its neighbours: those of one archive share its `stored`. */
function sameArchive(files: readonly WalFile[], start: number): readonly WalFile[] {
  const { stored, members } = files[start].locator
  let end = start + 1
  if (members.length > 0) while (end < files.length && files[end].locator.stored === stored) end++
  return files.slice(start, end)
}
