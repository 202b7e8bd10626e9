import type { OpenWalFile, WalFile } from '../domain/wal.js'
import { isGzip } from './layout.js'
import { readPlainFile } from './plain-file.js'
import { CHUNK_BYTES, type Content } from './source.js'
import { readTar } from './tar.js'

/**
 * Opens files one after another, in the order given; each must be read to its end before the next is asked for. Files
 * of one archive that stand together are read in one pass over it. Never throws for what a file holds or lacks: its
 * `problem()` tells.
 */
export async function* readFiles(files: readonly WalFile[], signal?: AbortSignal): AsyncIterable<OpenWalFile> {
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  for (let start = 0; start < files.length; ) {
    const group = sameArchive(files, start)
    start += group.length
    const { locator } = group[0]
    if (locator.via === 'file') {
      signal?.throwIfAborted()
      yield opened(group[0], readPlainFile(group[0], locator.path, locator.compression, buffer))
      continue
    }
    const byMember = new Map(group.map((file) => [file.locator.via === 'tar' ? file.locator.member : -1, file]))
    const wanted = [...byMember].map(([member, file]) => ({ member, gzip: isGzip(Buffer.from(file.path)) }))
    wanted.sort((a, b) => a.member - b.member)
    for await (const { member, content } of readTar(Buffer.from(locator.path), locator.compression, wanted)) {
      signal?.throwIfAborted()
      const file = byMember.get(member)
      if (file !== undefined) yield opened(file, content)
    }
  }
}

/** The file at `start` and, where it is a member of an archive, its neighbours from the same archive. */
function sameArchive(files: readonly WalFile[], start: number): readonly WalFile[] {
  const first = files[start].locator
  let end = start + 1
  if (first.via === 'tar')
    for (; end < files.length; end++) {
      const { locator } = files[end]
      if (locator.via !== 'tar' || Buffer.compare(locator.path, first.path) !== 0) break
    }
  return files.slice(start, end)
}

function opened(file: WalFile, content: Content): OpenWalFile {
  return { file, ...content }
}
