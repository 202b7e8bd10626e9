import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { ReadProblem } from '../domain/wal.js'

/** Why a gzip stream ended early; everything that could be decompressed has been delivered by then. */
export class GunzipProblem extends Error {
  constructor(readonly problem: ReadProblem) {
    super(problem.reason)
  }
}

/**
 * Decompresses, all members one after another, as node:zlib does; zero padding behind the last one is ignored. What
 * decompresses before a cut or damage is yielded, then GunzipProblem is thrown.
 */
export async function* gunzipStream(compressed: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const source = Readable.from(compressed)
  const gunzip = createGunzip({ chunkSize: 1 << 18 })
  source.on('error', (error) => gunzip.destroy(error))
  source.pipe(gunzip)
  // On an error zlib drops what it has put out and nobody has read yet; so it is taken as it comes.
  const ready: Buffer[] = []
  let failed: Error | null = null
  let ended = false
  let wake: () => void = () => {}
  gunzip.on('data', (chunk: Buffer) => {
    ready.push(chunk)
    gunzip.pause()
    wake()
  })
  gunzip.on('end', () => {
    ended = true
    wake()
  })
  gunzip.on('error', (error) => {
    failed = error
    wake()
  })
  try {
    for (;;) {
      for (let chunk = ready.shift(); chunk !== undefined; chunk = ready.shift()) yield chunk
      if (failed !== null) throw problemOf(failed)
      if (ended) return
      gunzip.resume()
      if (ready.length === 0 && failed === null && !ended)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  } finally {
    source.destroy()
    gunzip.destroy()
  }
}

function problemOf(error: NodeJS.ErrnoException): Error {
  if (error.code === 'Z_BUF_ERROR')
    return new GunzipProblem({ kind: 'truncated_archive', reason: 'the gzip data ends in the middle' })
  if (error.code?.startsWith('Z_'))
    return new GunzipProblem({ kind: 'corrupt_archive', reason: `damaged gzip data: ${error.message}` })
  return error
}
