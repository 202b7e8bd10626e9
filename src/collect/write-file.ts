import { createHash } from 'node:crypto'
import { closeSync, createReadStream, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { TEMPORARY } from './names.js'

/** Bytes that lie beside the bundle's files until it is known where they belong. */
export interface Received {
  readonly temporary: string
  readonly bytes: number
  readonly sha256: string
}

/** Writes a content to a temporary file of the bundle, on disk when this returns. Throws the file system's error. */
export async function receive(bundle: string, chunks: AsyncIterable<Uint8Array>): Promise<Received> {
  const temporary = join(bundle, TEMPORARY)
  const hash = createHash('sha256')
  let bytes = 0
  const fd = openSync(temporary, 'w', 0o600)
  try {
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at)
      hash.update(chunk)
      bytes += chunk.length
    }
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  return { temporary, bytes, sha256: hash.digest('hex') }
}

/** Puts received bytes in their place. */
export function settle({ temporary }: Received, bundle: string, path: string): void {
  mkdirSync(dirname(join(bundle, path)), { recursive: true, mode: 0o700 })
  renameSync(temporary, join(bundle, path))
}

export function discard({ temporary }: Received): void {
  rmSync(temporary, { force: true })
}

/** SHA-256, hex, of the first bytes of a file, or of all of it. Throws the file system's error. */
export async function sha256Of(file: string, bytes = Number.POSITIVE_INFINITY): Promise<string> {
  const hash = createHash('sha256')
  if (bytes > 0) for await (const chunk of createReadStream(file, { end: bytes - 1 })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
